// Cursors, names of statuses, which requests write.
#include "protocol/client_messages.hpp"

#include <array>
#include <type_traits>

#include "protocol/limits.hpp"

namespace chat262 {

namespace {

// A cursor: 1 (its form), epoch's counter (8 bytes, big-endian), epoch's server (1), seq (8).
constexpr std::uint8_t cursor_form = 1;
constexpr std::size_t cursor_bytes = 18;

void put_u64(Bytes& out, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::uint8_t>(value >> shift));
  }
}

std::uint64_t get_u64(ByteView bytes) {
  std::uint64_t value = 0;
  for (const std::uint8_t byte : bytes) value = value << 8 | byte;
  return value;
}

struct Named {
  Status status;
  const char* name;
};
constexpr std::array names{Named{Status::ok, "ok"},
                           Named{Status::not_leader, "not_leader"},
                           Named{Status::unavailable, "unavailable"},
                           Named{Status::busy, "busy"},
                           Named{Status::too_many, "too_many"},
                           Named{Status::wrong_version, "wrong_version"},
                           Named{Status::unknown_operation, "unknown_operation"},
                           Named{Status::malformed, "malformed"},
                           Named{Status::too_large, "too_large"},
                           Named{Status::request_reused, "request_reused"},
                           Named{Status::not_signed_in, "not_signed_in"},
                           Named{Status::wrong_credentials, "wrong_credentials"},
                           Named{Status::name_taken, "name_taken"},
                           Named{Status::bad_name, "bad_name"},
                           Named{Status::bad_password, "bad_password"},
                           Named{Status::no_such_user, "no_such_user"},
                           Named{Status::no_such_room, "no_such_room"},
                           Named{Status::not_a_member, "not_a_member"},
                           Named{Status::already_a_member, "already_a_member"},
                           Named{Status::bad_text, "bad_text"},
                           Named{Status::bad_cursor, "bad_cursor"},
                           Named{Status::bad_argument, "bad_argument"},
                           Named{Status::no_permission, "no_permission"},
                           Named{Status::suspended, "suspended"}};

struct Writes {
  bool operator()(const request::Hello&) const { return false; }
  bool operator()(const request::Status&) const { return false; }
  bool operator()(const request::Register&) const { return true; }
  bool operator()(const request::LogIn&) const { return true; }
  bool operator()(const request::LogOut&) const { return true; }
  bool operator()(const request::LogOutAll&) const { return true; }
  bool operator()(const request::ChangePassword&) const { return true; }
  bool operator()(const request::DeleteAccount&) const { return true; }
  bool operator()(const request::ListSessions&) const { return false; }
  bool operator()(const request::EndSession&) const { return true; }
  bool operator()(const request::ResetPassword&) const { return true; }
  bool operator()(const request::ListAccounts&) const { return false; }
  bool operator()(const request::ShowAccount&) const { return false; }
  bool operator()(const request::SuspendAccount&) const { return false; }
  bool operator()(const request::OfferReset&) const { return false; }
  bool operator()(const request::LogOutAccount&) const { return false; }
  bool operator()(const request::RemoveAccount&) const { return false; }
  bool operator()(const request::Invite&) const { return false; }
  bool operator()(const request::SearchAccounts&) const { return false; }
  bool operator()(const request::ListConversations&) const { return false; }
  bool operator()(const request::CreateRoom&) const { return true; }
  bool operator()(const request::JoinRoom&) const { return true; }
  bool operator()(const request::LeaveRoom&) const { return true; }
  bool operator()(const request::ListRooms&) const { return false; }
  bool operator()(const request::ListMembers&) const { return false; }
  bool operator()(const request::Send&) const { return true; }
  bool operator()(const request::History&) const { return false; }
  bool operator()(const request::Events&) const { return false; }
  bool operator()(const request::MarkRead&) const { return true; }
  bool operator()(const request::Survey&) const { return false; }
  bool operator()(const request::Handover&) const { return false; }
  bool operator()(const request::ForceLead&) const { return false; }
  bool operator()(const request::Scrub&) const { return false; }
  bool operator()(const request::Replace&) const { return false; }
  bool operator()(const request::Cluster&) const { return false; }
  bool operator()(const request::RotateKeys&) const { return false; }
};

}  // namespace

Cursor make_cursor(const Position& position) {
  Cursor out;
  if (position == Position{}) return out;
  out.reserve(cursor_bytes);
  out.push_back(cursor_form);
  put_u64(out, position.epoch.counter);
  out.push_back(position.epoch.server.value);
  put_u64(out, position.seq.value);
  return out;
}

std::optional<Position> read_cursor(ByteView cursor) {
  if (cursor.empty()) return Position{};
  if (cursor.size() != cursor_bytes || cursor[0] != cursor_form ||
      cursor[9] >= limits::servers_max) {
    return std::nullopt;
  }
  return Position{{get_u64(cursor.subspan(1, 8)), ServerId{{cursor[9]}}},
                  seq(get_u64(cursor.subspan(10, 8)))};
}

bool is_write(const RequestBody& body) {
  return std::visit(Writes{}, body);
}

bool is_operator_request(const RequestBody& body) {
  return std::visit(
      [](const auto& request) {
        return std::remove_cvref_t<decltype(request)>::code >= request::first_operator_code;
      },
      body);
}

const char* status_name(Status status) {
  for (const Named& named : names) {
    if (named.status == status) return named.name;
  }
  return "unknown_status";
}

std::optional<Status> status_from_code(std::uint8_t code) {
  for (const Named& named : names) {
    if (static_cast<std::uint8_t>(named.status) == code) return named.status;
  }
  return std::nullopt;
}

}  // namespace chat262
