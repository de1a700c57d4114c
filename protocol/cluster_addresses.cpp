// A cluster from addresses, and what hosts and ports must look like.
#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "protocol/blake2b.hpp"
#include "protocol/host.hpp"
#include "protocol/limits.hpp"

namespace chat262 {

namespace {

constexpr unsigned port_max = 65535;

struct HostPort {
  std::string_view host;
  std::optional<std::string_view> port;
};

// Splits, without judging the parts. A bare IPv6 address has more than one colon.
Result<HostPort> split(std::string_view address) {
  if (address.starts_with('[')) {
    const std::size_t end = address.find(']');
    if (end == std::string_view::npos) return fail(Errc::invalid, "the `]` is missing");
    const std::string_view host = address.substr(1, end - 1);
    const std::string_view rest = address.substr(end + 1);
    if (host.find(':') == std::string_view::npos) {
      return fail(Errc::invalid, "only an IPv6 address stands in brackets");
    }
    if (rest.empty()) return HostPort{host, std::nullopt};
    if (!rest.starts_with(':')) return fail(Errc::invalid, "only `:PORT` may follow the `]`");
    return HostPort{host, rest.substr(1)};
  }
  if (std::count(address.begin(), address.end(), ':') != 1) return HostPort{address, std::nullopt};
  const std::size_t colon = address.find(':');
  return HostPort{address.substr(0, colon), address.substr(colon + 1)};
}

Result<std::uint16_t> client_port(std::string_view text) {
  unsigned port = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, port);
  // One below the highest, because the peer port is the one above.
  if (error != std::errc{} || stopped != end || port < 1 || port >= port_max) {
    return fail(Errc::invalid, "the port must be a number from 1 to 65534");
  }
  return static_cast<std::uint16_t>(port);
}

// The ports are those to use where the address names none.
Result<ServerConfig> parse_address(std::string_view address,
                                   std::uint16_t client_port_else = default_client_port,
                                   std::uint16_t peer_port_else = default_peer_port) {
  const auto parts = split(address);
  if (!parts) return tl::unexpected<Error>(parts.error());
  auto host = detail::normalised_host(parts->host);
  if (!host) return tl::unexpected<Error>(host.error());
  ServerConfig server;
  server.host = std::move(*host);
  server.client_port = client_port_else;
  server.peer_port = peer_port_else;
  if (parts->port) {
    const auto port = client_port(*parts->port);
    if (!port) return tl::unexpected<Error>(port.error());
    server.client_port = *port;
    server.peer_port = static_cast<std::uint16_t>(*port + 1);
  }
  return server;
}

ClusterId id_of(const std::vector<ServerConfig>& servers) {
  detail::Blake2b<ClusterId::size> hash;
  hash.text("cluster");
  for (const ServerConfig& server : servers) {
    hash.u8(server.id.value).text(server.host).u8(0);
    hash.u32(server.client_port).u32(server.peer_port);
  }
  return ClusterId{hash.finish()};
}

std::string endpoint(const std::string& host, std::uint16_t port) {
  const bool v6 = host.find(':') != std::string::npos;
  return "tcp://" + (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

bool looks_like_v4(std::string_view host) {
  return std::all_of(host.begin(), host.end(),
                     [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

bool good_name(std::string_view host) {
  const auto fine = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  };
  return host.size() <= limits::host_bytes_max && std::all_of(host.begin(), host.end(), fine) &&
         !host.starts_with('-') && !host.starts_with('.') &&
         host.find("..") == std::string_view::npos;
}

}  // namespace

namespace detail {

Result<std::string> normalised_host(std::string_view host) {
  if (host.empty()) return fail(Errc::invalid, "the host is empty");
  std::string text(host);
  if (text.find(':') != std::string::npos) {
    in6_addr address{};
    std::array<char, INET6_ADDRSTRLEN> out{};
    if (inet_pton(AF_INET6, text.c_str(), &address) != 1) {
      return fail(Errc::invalid, "not an IPv6 address");
    }
    return std::string(inet_ntop(AF_INET6, &address, out.data(), out.size()));
  }
  if (looks_like_v4(text)) {
    in_addr address{};
    std::array<char, INET_ADDRSTRLEN> out{};
    if (inet_pton(AF_INET, text.c_str(), &address) != 1) {
      return fail(Errc::invalid, "not an IPv4 address");
    }
    return std::string(inet_ntop(AF_INET, &address, out.data(), out.size()));
  }
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  if (!good_name(text)) return fail(Errc::invalid, "not a host name or address");
  return text;
}

bool is_loopback(const std::string& host) {
  in_addr v4{};
  in6_addr v6{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  if (inet_pton(AF_INET6, host.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6);
  return host == "localhost";
}

Result<void> check_ports(const std::vector<ServerConfig>& servers) {
  struct Taken {
    const std::string& host;
    std::uint16_t port;
  };
  std::vector<Taken> taken;
  for (const ServerConfig& server : servers) {
    for (const std::uint16_t port : {server.client_port, server.peer_port}) {
      for (const Taken& other : taken) {
        if (other.host == server.host && other.port == port) {
          return fail(Errc::invalid, "server " + std::to_string(server.id.value) + ": " +
                                         server.host + " port " + std::to_string(port) +
                                         " is used twice");
        }
      }
      taken.push_back({server.host, port});
    }
  }
  return {};
}

}  // namespace detail

std::string place_text(const Place& place) {
  auto text = endpoint(place.host, place.client_port).substr(std::string_view("tcp://").size());
  if (place.peer_port != place.client_port + 1) {
    text += " (peer port " + std::to_string(place.peer_port) + ")";
  }
  return text;
}

std::string ServerConfig::client_endpoint() const {
  return endpoint(host, client_port);
}

std::string ServerConfig::peer_endpoint() const {
  return endpoint(host, peer_port);
}

bool ClusterConfig::loopback_only() const {
  return std::all_of(servers.begin(), servers.end(),
                     [](const ServerConfig& server) { return detail::is_loopback(server.host); });
}

Result<ClusterConfig> cluster_from_addresses(const std::vector<std::string>& addresses) {
  if (addresses.empty() || addresses.size() > limits::servers_max) {
    return fail(Errc::invalid, "a cluster has 1 to " + std::to_string(limits::servers_max) +
                                   " servers, not " + std::to_string(addresses.size()));
  }
  ClusterConfig cluster;
  for (const std::string& address : addresses) {
    auto server = parse_address(address);
    if (!server) {
      return fail(server.error().code, "address `" + address + "`: " + server.error().text);
    }
    server->id = server_id(static_cast<unsigned>(cluster.servers.size()));
    cluster.servers.push_back(std::move(*server));
  }
  if (const auto ports = detail::check_ports(cluster.servers); !ports) {
    return tl::unexpected<Error>(ports.error());
  }
  cluster.id = id_of(cluster.servers);
  return cluster;
}

Result<Place> place_from_address(const std::string& address, const Place& before) {
  const auto server = parse_address(address, before.client_port, before.peer_port);
  if (!server) {
    return fail(server.error().code, "address `" + address + "`: " + server.error().text);
  }
  return server->place();
}

}  // namespace chat262
