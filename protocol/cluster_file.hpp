// The cluster: who its servers are and where. From a TOML file or from addresses on a command line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "protocol/ids.hpp"
#include "protocol/place.hpp"
#include "protocol/policy.hpp"
#include "protocol/result.hpp"
#include "protocol/service_limits.hpp"

namespace chat262 {

inline constexpr std::uint16_t default_client_port = 26262;
inline constexpr std::uint16_t default_peer_port = 26263;

struct ServerConfig {
  ServerId id{};
  std::string host;  // name, IPv4, or IPv6 without brackets
  std::uint16_t client_port = default_client_port;
  std::uint16_t peer_port = default_peer_port;
  PublicKey key{};  // CURVE; none: connections are not encrypted

  [[nodiscard]] Place place() const { return {host, client_port, peer_port}; }
  [[nodiscard]] std::string client_endpoint() const;  // tcp://host:port, IPv6 in brackets
  [[nodiscard]] std::string peer_endpoint() const;
  bool operator==(const ServerConfig&) const = default;
};

// What a password's hash costs.
struct PasswordCost {
  unsigned memory_mib = 19;
  unsigned passes = 2;
  bool operator==(const PasswordCost&) const = default;
};

// Who may make an account.
enum class Registration : std::uint8_t { open, invitation, closed };
[[nodiscard]] const char* registration_name(Registration registration);

struct ClusterConfig {
  ClusterId id{};                     // from the file, or a hash of the addresses
  std::vector<ServerConfig> servers;  // sorted; ids are 0..N-1; 1 to 7 of them
  Policy policy = Policy::continues;
  Registration registration = Registration::open;
  PasswordCost password;
  ServiceLimits limits;

  [[nodiscard]] bool loopback_only() const;  // every host is a loopback address or "localhost"
  // All servers have keys; else none has one.
  [[nodiscard]] bool encrypted() const { return !servers.empty() && !servers.front().key.empty(); }
  bool operator==(const ClusterConfig&) const = default;
};

// `addresses`: HOST, HOST:PORT, [V6]:PORT or a bare IPv6 address; PORT is the client port, the peer
// port is the one above it. The first is server 0. Errors name the address and what is wrong.
[[nodiscard]] Result<ClusterConfig> cluster_from_addresses(
    const std::vector<std::string>& addresses);

// A server's place in a cluster that has one: the same kind of address; without a port, the ports
// of `before` stay. Errors as above.
[[nodiscard]] Result<Place> place_from_address(const std::string& address, const Place& before);

// Errors name the file, the line and the key. Unknown keys are errors.
[[nodiscard]] Result<ClusterConfig> cluster_from_file(const std::filesystem::path& path);
[[nodiscard]] Result<ClusterConfig> cluster_from_toml(std::string_view text,
                                                      const std::string& name_in_errors);
[[nodiscard]] std::string cluster_to_toml(const ClusterConfig& cluster);

// The part of it that is about what clients may do: registration, [password], [limits]; "" if all
// is as it would be without a word. Read again, it replaces these settings of `cluster`.
[[nodiscard]] std::string settings_to_toml(const ClusterConfig& cluster);
[[nodiscard]] Result<void> settings_from_toml(std::string_view text,
                                              const std::string& name_in_errors,
                                              ClusterConfig& cluster);

// For programs that take both: addresses if any are given, else `file` if not empty, else the file
// that CHAT262_CLUSTER names. Error if there is none.
[[nodiscard]] Result<ClusterConfig> cluster_from_arguments(
    const std::vector<std::string>& addresses, const std::string& file);

}  // namespace chat262
