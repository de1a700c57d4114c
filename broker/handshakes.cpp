#include "broker/handshakes.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "broker/curve.hpp"

namespace chat262::broker {

namespace {

// As IPv4, where it is one in IPv6's clothes.
std::optional<in_addr> v4_of(const std::string& address) {
  in_addr v4{};
  if (inet_pton(AF_INET, address.c_str(), &v4) == 1) return v4;
  in6_addr v6{};
  if (inet_pton(AF_INET6, address.c_str(), &v6) != 1 || !IN6_IS_ADDR_V4MAPPED(&v6)) {
    return std::nullopt;
  }
  std::memcpy(&v4, &v6.s6_addr[12], sizeof v4);
  return v4;
}

}  // namespace

bool is_loopback_address(const std::string& address) {
  if (const auto v4 = v4_of(address)) return ntohl(v4->s_addr) >> 24 == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, address.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

std::string counted_address(const std::string& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (const auto v4 = v4_of(address)) {
    return inet_ntop(AF_INET, &*v4, text.data(), text.size());
  }
  in6_addr v6{};
  if (inet_pton(AF_INET6, address.c_str(), &v6) != 1) return address;
  std::fill_n(v6.s6_addr + 8, 8, std::uint8_t{0});
  return inet_ntop(AF_INET6, &v6, text.data(), text.size()) + std::string("/64");
}

Handshakes::Verdict Handshakes::judge(const Request& request, const std::vector<KnownKey>& keys,
                                      std::int64_t now_ms) {
  const bool servers = request.domain == servers_domain;
  if ((!servers && request.domain != clients_domain) || request.mechanism != "CURVE" ||
      !request.key) {
    return {};
  }
  const auto known = std::find_if(keys.begin(), keys.end(),
                                  [&](const KnownKey& each) { return each.key == *request.key; });
  if (servers && known != keys.end() && !known->former) return {Outcome::admitted, known->server};
  if (!takes_token(request.address, now_ms)) return {Outcome::too_many, {}};
  if (!servers) return {Outcome::admitted, {}};
  if (known != keys.end()) return {Outcome::former, known->server};
  return {Outcome::unknown, {}};
}

bool Handshakes::takes_token(const std::string& address, std::int64_t now_ms) {
  if (!limits_.loopback && is_loopback_address(address)) return true;
  const auto name = counted_address(address);
  if (buckets_.size() >= limits_.addresses_max && buckets_.count(name) == 0) {
    buckets_.erase(std::min_element(
        buckets_.begin(), buckets_.end(),
        [](const auto& a, const auto& b) { return a.second.at_ms < b.second.at_ms; }));
  }
  auto& bucket = buckets_.try_emplace(name, Bucket{limits_.burst, now_ms}).first->second;
  const auto passed_s = static_cast<double>(now_ms - bucket.at_ms) / 1000;
  bucket.left = std::min(limits_.burst, bucket.left + passed_s * limits_.per_second);
  bucket.at_ms = now_ms;
  if (bucket.left < 1) return false;
  bucket.left -= 1;
  return true;
}

}  // namespace chat262::broker
