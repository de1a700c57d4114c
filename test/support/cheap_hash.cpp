// Apart from the world, for those who take a server alone.
#include "test/support/world.hpp"

namespace chat262::test {

std::string cheap_hash(const std::string& password) {
  const Hash hash =
      hash_of({reinterpret_cast<const std::uint8_t*>(password.data()), password.size()});
  std::string text = "cheap$";
  for (std::size_t i = 0; i < 16; ++i) {
    text += "0123456789abcdef"[hash.bytes[i] >> 4];
    text += "0123456789abcdef"[hash.bytes[i] & 15];
  }
  return text;
}

}  // namespace chat262::test
