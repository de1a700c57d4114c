// Host names and addresses of servers. Internal to protocol/.
#pragma once

#include <string>
#include <string_view>

#include "protocol/cluster_file.hpp"

namespace chat262::detail {

// In one spelling: names in lower case, addresses as inet_ntop writes them. Errors do not name
// `host`: the caller knows where it stands.
[[nodiscard]] Result<std::string> normalised_host(std::string_view host);

// "is a loopback address or localhost"; `host` is normalised.
[[nodiscard]] bool is_loopback(const std::string& host);

// No two servers share a host and a port.
[[nodiscard]] Result<void> check_ports(const std::vector<ServerConfig>& servers);

}  // namespace chat262::detail
