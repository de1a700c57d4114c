// What the configured limits forbid. They are looked at here and not when an entry is applied: they
// may differ from server to server, and what was acknowledged stays.
#include <string>
#include <variant>

#include "broker/admission.hpp"
#include "broker/server_limits.hpp"

namespace chat262::broker {

std::optional<Refusal> Admission::over_limit(const OperationBody& made,
                                             std::size_t text_bytes) const {
  if (text_bytes > limits_.text_bytes) {
    return Refusal{Status::bad_text,
                   "the text is longer than " + std::to_string(limits_.text_bytes) + " bytes"};
  }
  const auto* create = std::get_if<op::CreateRoom>(&made);
  const auto* join = std::get_if<op::JoinRoom>(&made);
  if (create == nullptr && join == nullptr) return std::nullopt;
  const auto& account = create != nullptr ? create->account : join->account;
  if (tables_.rooms_of(account, limits_.account_rooms) >= limits_.account_rooms) {
    return Refusal{Status::too_many,
                   "you are in " + std::to_string(limits_.account_rooms) +
                       " rooms, which is as many as may be: leave one first",
                   limits::full_retry_ms};
  }
  const auto room = join != nullptr ? tables_.room(join->room) : std::nullopt;
  if (room && room->members >= limits_.room_members) {
    return Refusal{Status::too_many,
                   "this room has " + std::to_string(limits_.room_members) +
                       " members, which is as many as may be",
                   limits::full_retry_ms};
  }
  return std::nullopt;
}

}  // namespace chat262::broker
