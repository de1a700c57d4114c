// An account's sessions.
#include <algorithm>
#include <utility>

#include "broker/queries.hpp"
#include "protocol/limits.hpp"

namespace chat262::broker {

Queries::Answer<reply::Sessions> Queries::sessions(const Session& asker,
                                                   const request::ListSessions& request,
                                                   TimeMs now) const {
  SessionId after{};
  if (!request.after.empty() && request.after.size() != SessionId::size) {
    return tl::unexpected<Refusal>(
        Refusal{Status::bad_argument, "`after` is a session's id, or empty"});
  }
  std::copy(request.after.begin(), request.after.end(), after.bytes.begin());
  const auto time = std::max(now, tables_.applied_time());
  std::vector<reply::Session> found;
  for (const auto& one : tables_.sessions(asker.account)) {
    const auto id = session_id(one.token_hash);
    const auto& record = one.record;
    if (record.expires <= time || (!request.after.empty() && id <= after)) continue;
    found.push_back({id, record.created, record.expires, record.address, record.client,
                     one.token_hash == asker.token_hash});
  }
  const auto limit = std::clamp<std::size_t>(request.limit, 1, chat262::limits::page_items_max);
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  reply::Sessions page;
  page.more = found.size() > limit;
  if (page.more) found.resize(limit);
  page.sessions = std::move(found);
  return page;
}

}  // namespace chat262::broker
