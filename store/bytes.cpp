#include "store/bytes.hpp"

#include <sodium.h>

namespace chat262::store {

std::uint64_t checksum(ByteView key, ByteView value) {
  // Chooses the fastest code for this processor; again is harmless.
  [[maybe_unused]] static const int ready = sodium_init();
  crypto_generichash_state state;
  std::array<std::uint8_t, 32> hash{};
  crypto_generichash_init(&state, nullptr, 0, hash.size());
  crypto_generichash_update(&state, key.data(), key.size());
  crypto_generichash_update(&state, value.data(), value.size());
  crypto_generichash_final(&state, hash.data(), hash.size());
  return Reader(ByteView(hash).first(checksum_bytes)).u64();
}

void seal_record(ByteView key, ByteView value, Bytes& out) {
  out.assign(value.begin(), value.end());
  FixedWriter<checksum_bytes> check;
  check.u64(checksum(key, value));
  out.insert(out.end(), check.view().begin(), check.view().end());
}

Opened open_record(ByteView key, ByteView record) {
  if (record.size() < checksum_bytes) return {};
  const ByteView value = record.first(record.size() - checksum_bytes);
  const std::uint64_t stored = Reader(record.last(checksum_bytes)).u64();
  if (stored != checksum(key, value)) return {};
  return {true, value};
}

}  // namespace chat262::store
