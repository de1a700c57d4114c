#include "samples.hpp"

namespace samples {

namespace {

const Target with_bob{TargetKind::user, "bob"};
const Target lobby{TargetKind::room, "lobby"};
constexpr TimeMs noon{{1800000000000}};

Cursor place(std::uint64_t at) {
  return make_cursor(position(3, 1, at));
}

Message from_bob() {
  return {bytes_from<MessageId>(0xa0),
          place(1042),
          noon,
          with_bob,
          "bob",
          std::nullopt,
          false,
          "Hi Alice"};
}
Message late() {
  Message message = from_bob();
  message.at = place(1045);
  message.late = true;
  return message;
}
Message imported() {
  return {bytes_from<MessageId>(0xb0),
          place(1043),
          noon,
          lobby,
          "importer",
          Original{"carol", TimeMs{{1234567890123}}},
          false,
          "ancient words"};
}
Message erased() {
  return {bytes_from<MessageId>(0xd0), place(1044), noon, lobby, "", std::nullopt, true, ""};
}

reply::ServerStatus server_status() {
  reply::ServerStatus s;
  s.software = "chat262 0.1.0";
  s.cluster = cluster();
  s.server = server_id(2);
  s.role = "follower";
  s.health = "able";
  s.leader = server_id(1);
  s.epoch = {3, server_id(1)};
  s.promised = {3, server_id(1)};
  s.in_sync = true;
  s.view = {server_id(1), server_id(2)};
  s.last = position(3, 1, 1044);
  s.last_hash = bytes_from<Hash>(0x80);
  s.commit = seq(1044);
  s.applied = seq(1040);
  s.log_bytes = 409600;
  s.table_bytes = 204800;
  s.uptime_ms = 65000;
  s.starts = 2;
  s.heard = {server_id(1)};
  s.policy = "continue";
  s.forced = {{position(2, 2, 900), {server_id(0), server_id(1)}}};
  s.scrub_passes = 3;
  s.scrubbed = noon;
  s.scrub_entries = 1044;
  s.damage_found = 2;
  s.damage_repaired = 1;
  s.damage = {seq(77)};
  s.settings = bytes_from<Hash>(0x60);
  return s;
}

reply::ServerStatus waiting_status() {
  reply::ServerStatus s = server_status();
  s.server = server_id(0);
  s.role = "candidate";
  s.leader = std::nullopt;
  s.in_sync = false;
  s.lost_disk = true;
  s.heard = {};
  s.waiting_for = {server_id(1), server_id(2)};
  s.waiting_why = "server 1 and server 2 went on without this one";
  return s;
}

reply::Cluster replaced_cluster() {
  return {cluster(),
          "continue",
          {{server_id(0), {"10.0.0.1", 26262, 26263}, 0, bytes_from<PublicKey>(0x01)},
           {server_id(1), {"10.0.0.2", 26262, 26263}, 0, bytes_from<PublicKey>(0x21)},
           {server_id(2), {"10.0.0.9", 26262, 26263}, 1, bytes_from<PublicKey>(0x41)}},
          "registration = 'invitation'"};
}

reply::Survey survey() {
  reply::Survey s;
  s.cluster = cluster();
  s.server = server_id(0);
  s.leader = server_id(0);
  reply::SurveyedServer self;
  self.id = server_id(0);
  self.endpoint = "tcp://127.0.0.1:26262";
  self.heard = true;
  self.silent_ms = 0;
  self.member = true;
  self.in_sync = true;
  self.health = "able";
  self.last = position(3, 0, 1044);
  self.promised = {3, server_id(0)};
  reply::SurveyedServer lost = self;
  lost.id = server_id(1);
  lost.endpoint = "tcp://127.0.0.2:26262";
  lost.heard = lost.member = lost.in_sync = false;
  lost.silent_ms = 65000;
  lost.last = position(2, 1, 1000);
  lost.promised = {2, server_id(1)};
  reply::SurveyedServer unknown = lost;
  unknown.id = server_id(2);
  unknown.endpoint = "tcp://127.0.0.3:26262";
  unknown.silent_ms = std::nullopt;
  unknown.last = std::nullopt;
  unknown.promised = {};
  s.servers = {self, lost, unknown};
  return s;
}

reply::Hello greeting() {
  return {"chat262 0.1.0",
          client_feature_level,
          cluster(),
          server_id(2),
          server_id(1),
          {{server_id(0), "tcp://127.0.0.1:26262"},
           {server_id(1), "tcp://127.0.0.2:26262"},
           {server_id(2), "tcp://[::1]:26262"}},
          noon,
          16384};
}

reply::Hello greeting_with_keys() {
  auto hello = greeting();
  for (auto& server : hello.servers) server.key = bytes_from<PublicKey>(0x21);
  hello.servers[1].key = bytes_from<PublicKey>(0x41);
  hello.servers[2].key = bytes_from<PublicKey>(0x61);
  return hello;
}

ReplySample ok(std::string name, std::string meaning, RequestBody to, std::uint64_t number,
               ReplyBody body) {
  return {std::move(name), std::move(meaning), std::move(to),
          Reply{Status::ok, number, std::move(body)}};
}

ReplySample no(Status status, std::string meaning, reply::ErrorBody body) {
  return {status_name(status), std::move(meaning), request::Send{},
          Reply{status, 10, std::move(body)}};
}

}  // namespace

std::vector<ReplySample> replies() {
  using namespace request;
  const Account alice{bytes_from<AccountId>(0x20), "Alice"};
  const Account bob{bytes_from<AccountId>(0x30), "bob"};
  const chat262::Room room{bytes_from<RoomId>(0x60), "lobby", 2, true};
  return {
      ok("hello", "Server 2 greets; server 1 leads.", Hello{}, 0, greeting()),
      ok("hello_with_keys", "Of a cluster whose connections are encrypted.", Hello{}, 0,
         greeting_with_keys()),
      ok("status", "", request::Status{}, 0, server_status()),
      ok("status_waiting", "A server that cannot lead alone.", request::Status{}, 0,
         waiting_status()),
      ok("registered", "", Register{}, 1, reply::Registered{alice.id, "Alice"}),
      ok("logged_in", "The name as it was registered; `now` is where events begin.", LogIn{}, 2,
         reply::LoggedIn{alice.id, "Alice", TimeMs{{1802592000000}}, place(1042)}),
      ok("done", "To log out, log out all, change password, delete account, leave room, mark read.",
         LogOut{}, 3, reply::Done{}),
      ok("accounts", "There are more: ask again after bob.", SearchAccounts{}, 0,
         reply::Accounts{{alice, bob}, true}),
      ok("sessions", "The one that asks, and another.", ListSessions{}, 0,
         reply::Sessions{
             {{bytes_from<SessionId>(0x70), noon, TimeMs{{1802592000000}}, "192.0.2.7",
               "chat262 0.1.0 on ada", true},
              {bytes_from<SessionId>(0x90), noon, TimeMs{{1802592000000}}, "", "", false}},
             false}),
      ok("account_states", "Also deleted ones.", ListAccounts{}, 0,
         reply::AccountStates{
             {{alice.id, "Alice", noon, true, false, 0}, {bob.id, "bob", noon, false, false, 2}},
             true}),
      ok("account_shown", "", ShowAccount{}, 0,
         reply::AccountShown{{bob.id, "bob", noon, false, false, 1},
                             "",
                             {{bytes_from<SessionId>(0x70), noon, TimeMs{{1802592000000}},
                               "192.0.2.7", "chat262 0.1.0 on ada", false}},
                             TimeMs{{1800086400000}}}),
      ok("code_made", "To offer reset and invite.", Invite{}, 14,
         reply::CodeMade{TimeMs{{1800604800000}}}),
      ok("conversations", "One with an unread message, one that is empty.", ListConversations{}, 0,
         reply::Conversations{
             {{with_bob, 1, from_bob(), place(1000)}, {lobby, 0, std::nullopt, {}}},
             {0x01, 0x02},
             "Alice"}),
      ok("room_done", "To create and join.", CreateRoom{}, 7, reply::RoomDone{room.id, "lobby"}),
      ok("rooms", "", ListRooms{}, 0, reply::Rooms{{room}, false}),
      ok("members", "", ListMembers{}, 0, reply::Members{{alice, bob}, false}),
      ok("sent", "", Send{}, 10, reply::Sent{bytes_from<MessageId>(0xa0), place(1042), noon}),
      ok("history", "An imported message, and one whose author is deleted.", History{}, 0,
         reply::History{{imported(), erased()}, true}),
      ok("events", "One of each kind.", Events{}, 0,
         reply::Events{{from_bob(), event::Joined{place(1043), noon, "lobby", "bob"},
                        event::Left{place(1044), noon, "lobby", "bob"},
                        event::Read{place(1045), with_bob, place(1042)}},
                       place(1045)}),
      ok("survey", "Server 0 leads alone, 1 was lost, 2 was never heard.", Survey{}, 0, survey()),
      ok("scrub", "Server 2 has read all; of two damaged entries one is whole again.", Scrub{}, 0,
         reply::Scrub{server_id(2), 3, true, 1044, 1044, 2, 1, true, 1, false}),
      ok("handed_over", "", Handover{}, 0, reply::HandedOver{server_id(2), {4, server_id(2)}}),
      ok("replaced", "Entry 1050 says so.", Replace{}, 9,
         reply::Replaced{server_id(2),
                         {"10.0.0.3", 26262, 26263},
                         {"10.0.0.9", 26262, 26263},
                         60000,
                         position(3, 1, 1042),
                         position(3, 1, 1049),
                         position(3, 1, 1050),
                         replaced_cluster()}),
      ok("cluster", "", request::Cluster{}, 0, replaced_cluster()),
      ok("rotated", "", request::RotateKeys{}, 10,
         reply::Rotated{server_id(2), bytes_from<PublicKey>(0x51), position(3, 1, 1060)}),
      ok("events_merged",
         "After a network split: the asker's account and a room have other names, a message came "
         "late, one was not delivered.",
         Events{}, 0,
         reply::Events{
             {event::Renamed{place(1043), noon, {TargetKind::user, "Alice"}, "Alice~9f3c", true},
              event::Renamed{place(1044), noon, lobby, "lobby~03d1", false}, late(),
              event::Undelivered{place(1046), noon, bytes_from<MessageId>(0xa0), with_bob}},
             place(1046)}),
      ok("events_none", "Nothing happened while it waited.", Events{}, 0,
         reply::Events{{}, place(1045)}),
  };
}

std::vector<ReplySample> refusals() {
  const auto says = [](const char* text) { return reply::ErrorBody{text, std::nullopt, 0, {}}; };
  return {
      no(Status::not_leader, "Ask server 1.", {"server 1 leads", server_id(1), 0, {}}),
      no(Status::unavailable, "Nobody may lead until servers 1 and 2 are back.",
         {"waiting for servers 1, 2", std::nullopt, 0, {server_id(1), server_id(2)}}),
      no(Status::too_many, "Too many wrong passwords; the next try in 4 s.",
         {"too many wrong passwords: try again in 4 seconds", std::nullopt, 4000, {}}),
      no(Status::busy, "Ask again in 250 ms.", {"too many requests", std::nullopt, 250, {}}),
      no(Status::wrong_version, "", says("version 2 is not spoken here, only version 1")),
      no(Status::unknown_operation, "", says("no operation 99")),
      no(Status::malformed, "", says("body[0]: a str expected")),
      no(Status::too_large, "", says("a request has at most 65536 bytes")),
      no(Status::request_reused, "", says("this number was used for another request")),
      no(Status::not_signed_in, "", says("log in first")),
      no(Status::wrong_credentials, "", says("wrong name or password")),
      no(Status::name_taken, "", says("the name is taken")),
      no(Status::bad_name, "", says("the name holds white space")),
      no(Status::bad_password, "", says("the password is shorter than 8 bytes")),
      no(Status::no_such_user, "", says("no user of that name")),
      no(Status::no_such_room, "", says("no room of that name")),
      no(Status::not_a_member, "", says("join the room first")),
      no(Status::already_a_member, "", says("already a member of the room")),
      no(Status::bad_text, "", says("the text is empty")),
      no(Status::bad_cursor, "", says("not a cursor")),
      no(Status::bad_argument, "", says("limit must be 1 to 256")),
      no(Status::suspended, "", {"this account is suspended", std::nullopt, 0, {}}),
      no(Status::no_permission, "", says("not allowed")),
  };
}

}  // namespace samples
