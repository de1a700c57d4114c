// Identifiers as text, and addresses from a command line.
#include <charconv>
#include <stdexcept>

#include "chat262/client.hpp"
#include "client/convert.hpp"
#include "protocol/cluster_file.hpp"

namespace chat262::client {
namespace {

constexpr std::size_t client_id_bytes = 16;

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string hex(const std::string& bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += digits[byte >> 4U];
    text += digits[byte & 15U];
  }
  return text;
}

std::optional<std::string> unhex(const std::string& text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = digit_of(text[i]);
    const int low = digit_of(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

std::string to_text(const RequestId& request) {
  return hex(request.client) + ":" + std::to_string(request.number);
}

std::optional<RequestId> request_from_text(const std::string& text) {
  const auto colon = text.find(':');
  if (colon == std::string::npos) return std::nullopt;
  const auto client = unhex(text.substr(0, colon));
  if (!client || client->size() != client_id_bytes) return std::nullopt;
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, number);
  if (error != std::errc{} || rest != end || number == 0) return std::nullopt;
  return RequestId{.client = *client, .number = number};
}

std::vector<Address> servers_from(const std::vector<std::string>& addresses,
                                  const std::string& cluster_file) {
  const auto cluster = cluster_from_arguments(addresses, cluster_file);
  if (!cluster) throw std::invalid_argument(cluster.error().text);
  std::vector<Address> servers;
  for (const ServerConfig& server : cluster->servers) {
    servers.push_back(address_of(server));
  }
  return servers;
}

}  // namespace chat262::client
