#include "broker/key_change.hpp"

#include <fmt/format.h>

#include "protocol/entry.hpp"

namespace chat262::broker {

namespace {

// Numbers that no client counts up to.
constexpr std::uint64_t before_bit = 1ULL << 62;
constexpr std::uint64_t after_bit = 1ULL << 63;

}  // namespace

std::vector<replica::Submission> key_entries(const Members& members, ServerId server,
                                             const PublicKey& key, const RequestId& request,
                                             TimeMs time) {
  std::vector<replica::Submission> entries;
  const auto add = [&](std::uint64_t bit, const PublicKey& said) {
    Operation operation;
    operation.request = {request.client, request.number | bit};
    operation.time = time;
    operation.body = op::SetServerKey{members.now().id, server, said};
    entries.push_back({0, make_operation_entry(operation, {})});
  };
  if (members.key_since(server) == Seq{}) add(before_bit, members.key(server));
  add(after_bit, key);
  return entries;
}

std::string refused_key(const Members& members, ServerId server, const PublicKey& key, Now now) {
  for (const auto& known : members.known_keys(now.steady)) {
    if (known.key != key) continue;
    return fmt::format("server {} cannot have that key: {}. It needs a new one", server.value,
                       known.former
                           ? fmt::format("a machine that was server {} had it", known.server.value)
                           : fmt::format("server {} has it", known.server.value));
  }
  return "";
}

}  // namespace chat262::broker
