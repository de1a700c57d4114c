// Keys and values as bytes: big-endian numbers, ids as they are, strings with a two-byte length.
// Big-endian, so that keys sort as their numbers do. SCHEMA.md says what is written where.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "protocol/ids.hpp"

namespace chat262::store {

// Room for `Capacity` bytes, on the stack. What does not fit is left out and overflown() says so.
template <std::size_t Capacity>
class FixedWriter {
 public:
  FixedWriter& u8(std::uint8_t value) { return raw(&value, 1); }
  FixedWriter& u16(std::uint16_t value) { return big_endian(value); }
  FixedWriter& u32(std::uint32_t value) { return big_endian(value); }
  FixedWriter& u64(std::uint64_t value) { return big_endian(value); }
  FixedWriter& seq(Seq value) { return u64(value.value); }
  FixedWriter& time(TimeMs value) { return u64(static_cast<std::uint64_t>(value.value)); }
  FixedWriter& epoch(const Epoch& value) { return u64(value.counter).u8(value.server.value); }
  FixedWriter& position(const Position& value) { return epoch(value.epoch).seq(value.seq); }
  template <class Tag>
  FixedWriter& id(const Id<Tag>& value) {
    return raw(value.bytes.data(), value.bytes.size());
  }
  FixedWriter& hash(const Hash& value) { return raw(value.bytes.data(), value.bytes.size()); }
  FixedWriter& key(const PublicKey& value) { return raw(value.bytes.data(), value.bytes.size()); }
  FixedWriter& request(const RequestId& value) { return id(value.client).u64(value.number); }
  FixedWriter& tail(std::string_view value) { return raw(value.data(), value.size()); }
  FixedWriter& string(std::string_view value) {
    return u16(static_cast<std::uint16_t>(value.size())).tail(value);
  }
  FixedWriter& raw(const void* data, std::size_t size) {
    if (size > Capacity - size_) {
      overflown_ = true;
      return *this;
    }
    if (size > 0) std::memcpy(bytes_.data() + size_, data, size);
    size_ += size;
    return *this;
  }

  [[nodiscard]] bool overflown() const { return overflown_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::string_view text() const {
    return {reinterpret_cast<const char*>(bytes_.data()), size_};  // NOLINT
  }
  [[nodiscard]] ByteView view() const { return {bytes_.data(), size_}; }

 private:
  template <class Unsigned>
  FixedWriter& big_endian(Unsigned value) {
    std::array<std::uint8_t, sizeof(Unsigned)> out{};
    for (std::size_t i = 0; i < sizeof(Unsigned); ++i) {
      out[sizeof(Unsigned) - 1 - i] = static_cast<std::uint8_t>(value >> (8 * i));
    }
    return raw(out.data(), out.size());
  }

  std::array<std::uint8_t, Capacity> bytes_;
  std::size_t size_ = 0;
  bool overflown_ = false;
};

// Reads what FixedWriter wrote. Reading past the end gives zeros and makes ok() false.
class Reader {
 public:
  explicit Reader(ByteView bytes) : rest_(bytes) {}
  explicit Reader(std::string_view bytes)
      : rest_(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()) {}  // NOLINT

  std::uint8_t u8() { return number<std::uint8_t>(); }
  std::uint16_t u16() { return number<std::uint16_t>(); }
  std::uint32_t u32() { return number<std::uint32_t>(); }
  std::uint64_t u64() { return number<std::uint64_t>(); }
  Seq seq() { return chat262::seq(u64()); }
  TimeMs time() { return TimeMs{{static_cast<std::int64_t>(u64())}}; }
  Epoch epoch() {
    Epoch value;
    value.counter = u64();
    value.server.value = u8();
    return value;
  }
  Position position() {
    Position value;
    value.epoch = epoch();
    value.seq = seq();
    return value;
  }
  template <class IdType>
  IdType id() {
    IdType value;
    raw(value.bytes.data(), value.bytes.size());
    return value;
  }
  Hash hash() { return id<Hash>(); }
  std::string string() { return tail(u16()); }
  std::string tail(std::size_t size) {
    if (size > rest_.size()) {
      ok_ = false;
      return {};
    }
    std::string value(reinterpret_cast<const char*>(rest_.data()), size);  // NOLINT
    rest_ = rest_.subspan(size);
    return value;
  }
  void skip(std::size_t size) {
    if (size > rest_.size()) ok_ = false;
    rest_ = rest_.subspan(size > rest_.size() ? rest_.size() : size);
  }

  [[nodiscard]] std::size_t left() const { return rest_.size(); }
  // Everything was there, and nothing is left over.
  [[nodiscard]] bool complete() const { return ok_ && rest_.empty(); }

 private:
  void raw(std::uint8_t* out, std::size_t size) {
    if (size > rest_.size()) {
      ok_ = false;
      rest_ = {};
      return;
    }
    std::memcpy(out, rest_.data(), size);
    rest_ = rest_.subspan(size);
  }
  template <class Unsigned>
  Unsigned number() {
    std::array<std::uint8_t, sizeof(Unsigned)> in{};
    raw(in.data(), in.size());
    Unsigned value = 0;
    for (const std::uint8_t byte : in)
      value = static_cast<Unsigned>((std::uint64_t{value} << 8) | byte);
    return value;
  }

  ByteView rest_;
  bool ok_ = true;
};

inline ByteView to_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};  // NOLINT
}
inline std::string_view to_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};  // NOLINT
}

// A record's check: the first 8 bytes of BLAKE2b-256 over key and value. Stored after the value.
inline constexpr std::size_t checksum_bytes = 8;
[[nodiscard]] std::uint64_t checksum(ByteView key, ByteView value);
// `value` with its checksum behind it, in `out`.
void seal_record(ByteView key, ByteView value, Bytes& out);
// The value in `record`, or nothing if the checksum does not match.
struct Opened {
  bool intact = false;
  ByteView value;
};
[[nodiscard]] Opened open_record(ByteView key, ByteView record);

}  // namespace chat262::store
