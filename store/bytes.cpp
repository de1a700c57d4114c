#include "store/bytes.hpp"

#include "protocol/entry.hpp"

namespace chat262::store {

std::uint64_t checksum(ByteView key, ByteView value) {
  Bytes joined;
  joined.reserve(key.size() + value.size());
  joined.insert(joined.end(), key.begin(), key.end());
  joined.insert(joined.end(), value.begin(), value.end());
  const Hash hash = hash_of(joined);
  return Reader(ByteView(hash.bytes).first(checksum_bytes)).u64();
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
