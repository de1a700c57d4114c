// The entries that give a server another key.
#pragma once

#include <vector>

#include "broker/members.hpp"
#include "broker/replica/io.hpp"
#include "broker/service.hpp"
#include "store/tables.hpp"

namespace chat262::broker {

// Where the log does not say yet which key the server has now, it says that first: whoever reads it
// later knows the former key too. `request`: of who asks; the entries have ids made from it.
[[nodiscard]] std::vector<replica::Submission> key_entries(const Members& members, ServerId server,
                                                           const PublicKey& key,
                                                           const RequestId& request, TimeMs time);

// "" if the server may have it: it is nobody's key, and was nobody's.
[[nodiscard]] std::string refused_key(const Members& members, ServerId server, const PublicKey& key,
                                      Now now);

}  // namespace chat262::broker
