// The cluster file (TOML). The only file that includes toml++.
#include "protocol/cluster_file.hpp"

// Its parser asserts what a mistyped file breaks (`[ = 1`), just before it reports the mistake.
#define TOML_ASSERT(expr) static_cast<void>(0)
#include <toml++/toml.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>

#include "protocol/host.hpp"
#include "protocol/keys.hpp"
#include "protocol/limits.hpp"
#include "protocol/names.hpp"

namespace chat262 {

namespace {

constexpr std::size_t file_bytes_max = 64 * 1024;

// Reads one file; knows how to name it in errors.
class ClusterReader {
 public:
  explicit ClusterReader(const std::string& name) : name_(name) {}

  Result<ClusterConfig> read(const toml::table& file) {
    ClusterConfig cluster;
    if (auto done =
            check_keys(file, {"id", "policy", "registration", "password", "limits", "server"});
        !done) {
      return tl::unexpected<Error>(done.error());
    }
    auto done = read_id(file, cluster.id);
    if (done) done = read_policy(file, cluster.policy);
    if (done) done = read_settings(file, cluster);
    if (done) done = read_servers(file, cluster.servers);
    if (!done) return tl::unexpected<Error>(done.error());
    return cluster;
  }

  Result<void> read_only_settings(const toml::table& file, ClusterConfig& cluster) {
    auto done = check_keys(file, {"registration", "password", "limits"});
    return done ? read_settings(file, cluster) : done;
  }

 private:
  Result<void> read_settings(const toml::table& file, ClusterConfig& cluster) const {
    cluster.registration = {};
    cluster.password = {};
    cluster.limits = {};
    auto done = read_registration(file, cluster.registration);
    if (done) done = read_password(file, cluster.password);
    if (done) done = read_limits(file, cluster.limits);
    return done;
  }

  tl::unexpected<Error> error(const toml::node& where, const std::string& what) const {
    return fail(Errc::invalid,
                name_ + ":" + std::to_string(where.source().begin.line) + ": " + what);
  }

  Result<void> check_keys(const toml::table& table,
                          std::initializer_list<std::string_view> known) const {
    for (const auto& [key, node] : table) {
      if (std::find(known.begin(), known.end(), key.str()) == known.end()) {
        return fail(Errc::invalid, name_ + ":" + std::to_string(key.source().begin.line) +
                                       ": unknown key `" + std::string(key.str()) + "`");
      }
    }
    return {};
  }

  Result<void> read_id(const toml::table& file, ClusterId& id) const {
    const toml::node* node = file.get("id");
    if (node == nullptr) return fail(Errc::invalid, name_ + ": key `id` is missing");
    const std::string rule = "`id` must be a string of 32 hexadecimal digits, not all zero";
    const auto text = node->value_exact<std::string>();
    if (!text || text->size() != 2 * ClusterId::size) return error(*node, rule);
    for (std::size_t i = 0; i < text->size(); ++i) {
      const auto digit = hex_digit((*text)[i]);
      if (!digit) return error(*node, rule);
      id.bytes[i / 2] = static_cast<std::uint8_t>(id.bytes[i / 2] << 4 | *digit);
    }
    if (id.empty()) return error(*node, rule);
    return {};
  }

  static std::optional<std::uint8_t> hex_digit(char c) {
    if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') return static_cast<std::uint8_t>(c - 'A' + 10);
    return std::nullopt;
  }

  Result<void> read_policy(const toml::table& file, Policy& policy) const {
    const toml::node* node = file.get("policy");
    if (node == nullptr) return {};
    const auto name = node->value_exact<std::string>();
    const auto named = name ? policy_named(*name) : std::nullopt;
    if (!named) return error(*node, "`policy` must be \"continue\", \"proof\" or \"majority\"");
    policy = *named;
    return {};
  }

  Result<void> read_registration(const toml::table& file, Registration& registration) const {
    const toml::node* node = file.get("registration");
    if (node == nullptr) return {};
    const auto name = node->value_exact<std::string>();
    for (const auto one : {Registration::open, Registration::invitation, Registration::closed}) {
      if (name != registration_name(one)) continue;
      registration = one;
      return {};
    }
    return error(*node, "`registration` must be \"open\", \"invitation\" or \"closed\"");
  }

  Result<void> read_password(const toml::table& file, PasswordCost& cost) const {
    const toml::node* node = file.get("password");
    if (node == nullptr) return {};
    const toml::table* table = node->as_table();
    if (table == nullptr) return error(*node, "`password` must be a table, `[password]`");
    if (auto done = check_keys(*table, {"memory_mib", "passes"}); !done) return done;
    struct Key {
      const char* name;
      unsigned* value;
      std::int64_t lowest, highest;
    };
    for (const Key& key :
         {Key{"memory_mib", &cost.memory_mib, 8, 1024}, Key{"passes", &cost.passes, 1, 10}}) {
      if (!table->contains(key.name)) continue;
      const auto value = number(*table, key.name, key.lowest, key.highest);
      if (!value) return tl::unexpected<Error>(value.error());
      *key.value = static_cast<unsigned>(*value);
    }
    return {};
  }

  Result<std::int64_t> number(const toml::table& table, const char* key, std::int64_t lowest,
                              std::int64_t highest) const {
    const toml::node& node = *table.get(key);
    const auto value = node.value_exact<std::int64_t>();
    if (!value || *value < lowest || *value > highest) {
      return error(node, "`" + std::string(key) + "` must be a number from " +
                             std::to_string(lowest) + " to " + std::to_string(highest));
    }
    return *value;
  }

  Result<void> read_limits(const toml::table& file, ServiceLimits& limits) const {
    const toml::node* node = file.get("limits");
    if (node == nullptr) return {};
    const toml::table* table = node->as_table();
    if (table == nullptr) return error(*node, "`limits` must be a table, `[limits]`");
    for (const auto& [key, value] : *table) {
      if (key.str() == "loopback") {
        const auto limited = value.value_exact<bool>();
        if (!limited) return error(value, "`loopback` must be true or false");
        limits.loopback = *limited;
        continue;
      }
      const std::string_view name = key.str();  // Clang 14 captures no structured binding
      const auto known =
          std::find_if(number_limits.begin(), number_limits.end(),
                       [name](const NumberLimit& limit) { return limit.key == name; });
      if (known == number_limits.end()) {
        return fail(Errc::invalid, name_ + ":" + std::to_string(key.source().begin.line) +
                                       ": unknown limit `" + std::string(key.str()) + "`");
      }
      const auto read = number(*table, known->key, known->lowest, known->highest);
      if (!read) return tl::unexpected<Error>(read.error());
      limits.*known->value = static_cast<std::uint32_t>(*read);
    }
    return {};
  }

  Result<void> read_servers(const toml::table& file, std::vector<ServerConfig>& servers) const {
    const toml::node* node = file.get("server");
    if (node == nullptr) {
      return fail(Errc::invalid, name_ + ": there is no `[[server]]`");
    }
    const toml::array* array = node->as_array();
    if (array == nullptr || !array->is_homogeneous(toml::node_type::table)) {
      return error(*node, "`server` must be `[[server]]` tables");
    }
    if (array->size() > limits::servers_max) {
      return error(*node, "a cluster has 1 to " + std::to_string(limits::servers_max) +
                              " servers, not " + std::to_string(array->size()));
    }
    for (const toml::node& item : *array) {
      auto server = read_server(*item.as_table(), array->size());
      if (!server) return tl::unexpected<Error>(server.error());
      const auto same = [&](const ServerConfig& other) { return other.id == server->id; };
      if (std::any_of(servers.begin(), servers.end(), same)) {
        return error(item, "`id` " + std::to_string(server->id.value) + " is used twice");
      }
      if (const auto done = check_key(item, *server, servers); !done) {
        return tl::unexpected<Error>(done.error());
      }
      servers.push_back(std::move(*server));
    }
    std::sort(servers.begin(), servers.end(),
              [](const ServerConfig& a, const ServerConfig& b) { return a.id < b.id; });
    if (const auto ports = detail::check_ports(servers); !ports) {
      return fail(Errc::invalid, name_ + ": " + ports.error().text);
    }
    return {};
  }

  // `before`: the servers that stand above it.
  Result<void> check_key(const toml::node& item, const ServerConfig& server,
                         const std::vector<ServerConfig>& before) const {
    for (const ServerConfig& other : before) {
      if (server.key.empty() != other.key.empty()) {
        return error(item,
                     "server " + std::to_string(server.id.value) + " has " +
                         (server.key.empty() ? "no `key`, and server " : "a `key`, and server ") +
                         std::to_string(other.id.value) + " has " +
                         (server.key.empty() ? "one" : "none") +
                         ": either all servers have keys, or none has one");
      }
      if (!server.key.empty() && server.key == other.key) {
        return error(item, "servers " + std::to_string(other.id.value) + " and " +
                               std::to_string(server.id.value) + " have the same `key`");
      }
    }
    return {};
  }

  Result<void> read_key(const toml::table& table, PublicKey& key) const {
    const toml::node* node = table.get("key");
    if (node == nullptr) return {};
    const auto text = node->value_exact<std::string>();
    const auto read = text ? key_from_text(*text) : std::nullopt;
    if (!read) return error(*node, "`key` must be a public key: 40 characters of Z85");
    key = *read;
    return {};
  }

  Result<ServerConfig> read_server(const toml::table& table, std::size_t count) const {
    if (auto done = check_keys(table, {"id", "host", "client_port", "peer_port", "key"}); !done) {
      return tl::unexpected<Error>(done.error());
    }
    for (const char* key : {"id", "host"}) {
      if (!table.contains(key)) {
        return error(table, "key `" + std::string(key) + "` is missing in this `[[server]]`");
      }
    }
    ServerConfig server;
    const auto id = number(table, "id", 0, static_cast<std::int64_t>(count) - 1);
    if (!id) return tl::unexpected<Error>(id.error());
    server.id = server_id(static_cast<unsigned>(*id));
    const toml::node& host = *table.get("host");
    const auto text = host.value_exact<std::string>();
    if (!text) return error(host, "`host` must be a string");
    auto normalised = detail::normalised_host(*text);
    if (!normalised) return error(host, "`host`: " + normalised.error().text);
    server.host = std::move(*normalised);
    for (auto [key, port] : {std::pair{"client_port", &server.client_port},
                             std::pair{"peer_port", &server.peer_port}}) {
      if (!table.contains(key)) continue;
      const auto value = number(table, key, 1, 65535);
      if (!value) return tl::unexpected<Error>(value.error());
      *port = static_cast<std::uint16_t>(*value);
    }
    if (auto done = read_key(table, server.key); !done) return tl::unexpected<Error>(done.error());
    return server;
  }

  const std::string& name_;
};

}  // namespace

const char* registration_name(Registration registration) {
  switch (registration) {
    case Registration::open:
      return "open";
    case Registration::invitation:
      return "invitation";
    case Registration::closed:
      break;
  }
  return "closed";
}

namespace {

// `read` of the file's table. Errors quote the file, which may be a stranger's, to somebody's
// terminal.
template <typename T, typename Read>
Result<T> parsed(std::string_view text, const std::string& name_in_errors, const Read& read) {
  const auto harmless = [](const Error& error) { return Error{error.code, printable(error.text)}; };
  if (text.size() > file_bytes_max) {
    return fail(Errc::too_large, name_in_errors + " is too large for a cluster file");
  }
  try {
    return read(toml::parse(text)).map_error(harmless);
  } catch (const toml::parse_error& error) {
    return fail(Errc::invalid, name_in_errors + ":" + std::to_string(error.source().begin.line) +
                                   ": " + printable(error.description()));
  }
}

}  // namespace

Result<ClusterConfig> cluster_from_toml(std::string_view text, const std::string& name_in_errors) {
  return parsed<ClusterConfig>(text, name_in_errors, [&](const toml::table& file) {
    return ClusterReader(name_in_errors).read(file);
  });
}

Result<void> settings_from_toml(std::string_view text, const std::string& name_in_errors,
                                ClusterConfig& cluster) {
  return parsed<void>(text, name_in_errors, [&](const toml::table& file) {
    return ClusterReader(name_in_errors).read_only_settings(file, cluster);
  });
}

Result<ClusterConfig> cluster_from_file(const std::filesystem::path& path) {
  const auto cannot = [&path](Errc errc) {
    return fail(errc,
                "cannot read the cluster file " + path.string() + ": " + std::strerror(errno));
  };
  std::ifstream file(path, std::ios::binary);
  if (!file) return cannot(Errc::not_found);
  std::string text(file_bytes_max + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return cannot(Errc::io);
  text.resize(static_cast<std::size_t>(file.gcount()));
  return cluster_from_toml(text, path.string());
}

namespace {

// Those that are not as they would be without a word.
void write_limits(std::ostream& out, const ServiceLimits& limits) {
  const ServiceLimits usual;
  if (limits == usual) return;
  out << "\n[limits]\n";
  for (const auto& limit : number_limits) {
    if (limits.*limit.value == usual.*limit.value) continue;
    out << limit.key << " = " << limits.*limit.value << "\n";
  }
  if (limits.loopback) out << "loopback = true\n";
}

}  // namespace

std::string settings_to_toml(const ClusterConfig& cluster) {
  std::ostringstream out;
  if (cluster.registration != Registration::open) {
    out << "registration = \"" << registration_name(cluster.registration) << "\"\n";
  }
  if (cluster.password != PasswordCost{}) {
    out << "\n[password]\n"
        << "memory_mib = " << cluster.password.memory_mib << "\n"
        << "passes = " << cluster.password.passes << "\n";
  }
  write_limits(out, cluster.limits);
  return out.str();
}

std::string cluster_to_toml(const ClusterConfig& cluster) {
  constexpr char digits[] = "0123456789abcdef";
  std::string id;
  for (const std::uint8_t byte : cluster.id.bytes) {
    id += digits[byte >> 4];
    id += digits[byte & 0x0fU];
  }
  std::ostringstream out;
  out << "# A chat262 cluster: every server and every client uses the same file.\n"
      << "id = \"" << id << "\"\n"
      << "policy = \"" << policy_name(cluster.policy) << "\"\n"
      << settings_to_toml(cluster);
  for (const ServerConfig& server : cluster.servers) {
    out << "\n[[server]]\n"
        << "id = " << static_cast<unsigned>(server.id.value) << "\n"
        << "host = \"" << server.host << "\"\n"
        << "client_port = " << server.client_port << "\n"
        << "peer_port = " << server.peer_port << "\n";
    if (!server.key.empty()) out << "key = \"" << key_text(server.key) << "\"\n";
  }
  return out.str();
}

Result<ClusterConfig> cluster_from_arguments(const std::vector<std::string>& addresses,
                                             const std::string& file) {
  if (!addresses.empty()) return cluster_from_addresses(addresses);
  if (!file.empty()) return cluster_from_file(file);
  const char* variable = std::getenv("CHAT262_CLUSTER");
  if (variable != nullptr && *variable != '\0') return cluster_from_file(variable);
  return fail(Errc::not_found,
              "which cluster? Give the servers' addresses, or a cluster file with --cluster FILE, "
              "or name one in CHAT262_CLUSTER");
}

}  // namespace chat262
