// A reader of MessagePack of its own, so that the vectors do not rest on one library alone.
#include <stdexcept>

#include "vectors.hpp"

namespace vectors {

namespace {

class Decoder {
 public:
  explicit Decoder(ByteView bytes) : bytes_(bytes) {}

  std::string object() {
    const std::uint8_t first = byte();
    if (first < 0x80) return std::to_string(first);
    if (first >= 0xe0) return std::to_string(static_cast<std::int8_t>(first));
    if ((first & 0xf0U) == 0x90U) return array(first & 0x0fU);
    if ((first & 0xe0U) == 0xa0U) return text(first & 0x1fU);
    switch (first) {
      case 0xc0:
        return "nil";
      case 0xc2:
        return "false";
      case 0xc3:
        return "true";
      case 0xc4:
        return bin(number(1));
      case 0xc5:
        return bin(number(2));
      case 0xcc:
        return std::to_string(number(1));
      case 0xcd:
        return std::to_string(number(2));
      case 0xce:
        return std::to_string(number(4));
      case 0xcf:
        return std::to_string(number(8));
      case 0xd0:
        return std::to_string(static_cast<std::int8_t>(number(1)));
      case 0xd1:
        return std::to_string(static_cast<std::int16_t>(number(2)));
      case 0xd2:
        return std::to_string(static_cast<std::int32_t>(number(4)));
      case 0xd3:
        return std::to_string(static_cast<std::int64_t>(number(8)));
      case 0xd9:
        return text(number(1));
      case 0xda:
        return text(number(2));
      case 0xdc:
        return array(number(2));
      default:
        throw std::runtime_error("a type that the protocol does not use");
    }
  }
  [[nodiscard]] bool at_end() const { return at_ == bytes_.size(); }

 private:
  std::uint8_t byte() {
    if (at_end()) throw std::runtime_error("the bytes end early");
    return bytes_[at_++];
  }
  std::uint64_t number(int bytes) {
    std::uint64_t value = 0;
    for (int i = 0; i < bytes; ++i) value = value << 8 | byte();
    return value;
  }
  std::string array(std::uint64_t count) {
    std::string out = "[";
    for (std::uint64_t i = 0; i < count; ++i) out += (i == 0 ? "" : ", ") + object();
    return out + "]";
  }
  std::string text(std::uint64_t size) {
    std::string out = "\"";
    for (std::uint64_t i = 0; i < size; ++i) out += static_cast<char>(byte());
    return out + "\"";
  }
  std::string bin(std::uint64_t size) {
    constexpr char digits[] = "0123456789abcdef";
    std::string out = "h'";
    for (std::uint64_t i = 0; i < size; ++i) {
      const std::uint8_t value = byte();
      out += digits[value >> 4];
      out += digits[value & 0x0fU];
    }
    return out + "'";
  }

  ByteView bytes_;
  std::size_t at_ = 0;
};

}  // namespace

std::string notation(ByteView bytes) {
  Decoder decoder(bytes);
  std::string out = decoder.object();
  if (!decoder.at_end()) throw std::runtime_error("bytes behind the object");
  return out;
}

}  // namespace vectors
