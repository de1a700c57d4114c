// Incremental BLAKE2b over fixed-width big-endian fields. Internal to protocol/.
#pragma once

#include <sodium.h>

#include <array>
#include <cstdint>
#include <string_view>

#include "protocol/ids.hpp"

namespace chat262::detail {

// Chooses libsodium's fastest code for this processor; safe from any thread, any number of times.
inline void ensure_sodium() {
  [[maybe_unused]] static const int ready = sodium_init();
}

template <std::size_t Size>
class Blake2b {
 public:
  Blake2b() {
    ensure_sodium();
    crypto_generichash_init(&state_, nullptr, 0, Size);
  }
  Blake2b& bytes(ByteView view) {
    crypto_generichash_update(&state_, view.data(), view.size());
    return *this;
  }
  Blake2b& text(std::string_view view) {
    crypto_generichash_update(&state_, reinterpret_cast<const unsigned char*>(view.data()),
                              view.size());
    return *this;
  }
  Blake2b& u8(std::uint8_t value) { return bytes(ByteView(&value, 1)); }
  Blake2b& u32(std::uint32_t value) { return big_endian(value); }
  Blake2b& u64(std::uint64_t value) { return big_endian(value); }
  [[nodiscard]] std::array<std::uint8_t, Size> finish() {
    std::array<std::uint8_t, Size> out{};
    crypto_generichash_final(&state_, out.data(), out.size());
    return out;
  }

 private:
  template <class T>
  Blake2b& big_endian(T value) {
    std::array<std::uint8_t, sizeof(T)> raw{};
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      raw[i] = static_cast<std::uint8_t>(value >> (8 * (sizeof(T) - 1 - i)));
    }
    return bytes(raw);
  }

  crypto_generichash_state state_;
};

}  // namespace chat262::detail
