// Shapes of client requests and replies: the members of each in wire order. Internal to
// codec_*.cpp.
#pragma once

#include "protocol/client_messages.hpp"
#include "protocol/msgpack_io.hpp"

namespace chat262::wire {

template <>
struct Last<TargetKind> {
  static constexpr TargetKind value = TargetKind::room;
};

auto fields(Shape, Like<Target> auto& m) {
  return std::tie(m.kind, m.name);
}
auto fields(Shape, Like<Original> auto& m) {
  return std::tie(m.author, m.time);
}

// ---- requests

auto fields(Shape, Like<request::Hello> auto&) {
  return std::tie();
}
auto fields(Shape, Like<request::Status> auto&) {
  return std::tie();
}
auto fields(Shape, Like<request::Register> auto& m) {
  return std::tie(m.name, m.password, m.invitation);
}
template <>
inline constexpr std::size_t later_fields<request::Register> = 1;
auto fields(Shape, Like<request::LogIn> auto& m) {
  return std::tie(m.name, m.password, m.token, m.client);
}
template <>
inline constexpr std::size_t later_fields<request::LogIn> = 1;
auto fields(Shape, Like<request::LogOut> auto&) {
  return std::tie();
}
auto fields(Shape, Like<request::LogOutAll> auto&) {
  return std::tie();
}
auto fields(Shape, Like<request::ChangePassword> auto& m) {
  return std::tie(m.old_password, m.new_password);
}
auto fields(Shape, Like<request::DeleteAccount> auto& m) {
  return std::tie(m.password);
}
auto fields(Shape, Like<request::ListSessions> auto& m) {
  return std::tie(m.after, m.limit);
}
auto fields(Shape, Like<request::EndSession> auto& m) {
  return std::tie(m.session);
}
auto fields(Shape, Like<request::SearchAccounts> auto& m) {
  return std::tie(m.pattern, m.after, m.limit);
}
auto fields(Shape, Like<request::ListConversations> auto& m) {
  return std::tie(m.after, m.limit);
}
auto fields(Shape, Like<request::CreateRoom> auto& m) {
  return std::tie(m.name);
}
auto fields(Shape, Like<request::JoinRoom> auto& m) {
  return std::tie(m.name);
}
auto fields(Shape, Like<request::LeaveRoom> auto& m) {
  return std::tie(m.name);
}
auto fields(Shape, Like<request::ListRooms> auto& m) {
  return std::tie(m.pattern, m.after, m.limit);
}
auto fields(Shape, Like<request::ListMembers> auto& m) {
  return std::tie(m.room, m.after, m.limit);
}
auto fields(Shape, Like<request::Send> auto& m) {
  return std::tie(m.to, m.text, m.original);
}
auto fields(Shape, Like<request::History> auto& m) {
  return std::tie(m.of, m.from, m.newer, m.limit);
}
auto fields(Shape, Like<request::Events> auto& m) {
  return std::tie(m.since, m.wait_ms, m.limit);
}
auto fields(Shape, Like<request::MarkRead> auto& m) {
  return std::tie(m.conversation, m.upto);
}
auto fields(Shape, Like<request::Survey> auto&) {
  return std::tie();
}
auto fields(Shape, Like<request::Handover> auto& m) {
  return std::tie(m.to);
}
auto fields(Shape, Like<request::ForceLead> auto&) {
  return std::tie();
}
auto fields(Shape, Like<request::Scrub> auto& m) {
  return std::tie(m.server, m.begin);
}
auto fields(Shape, Like<request::Replace> auto& m) {
  return std::tie(m.server, m.address, m.confirmed, m.key);
}
auto fields(Shape, Like<request::Cluster> auto&) {
  return std::tie();
}
auto fields(Shape, Like<request::RotateKeys> auto& m) {
  return std::tie(m.server, m.key);
}
auto fields(Shape, Like<request::ResetPassword> auto& m) {
  return std::tie(m.name, m.reset_code, m.new_password);
}
auto fields(Shape, Like<request::ListAccounts> auto& m) {
  return std::tie(m.pattern, m.after, m.limit);
}
auto fields(Shape, Like<request::ShowAccount> auto& m) {
  return std::tie(m.name);
}
auto fields(Shape, Like<request::SuspendAccount> auto& m) {
  return std::tie(m.name, m.suspended, m.by);
}
auto fields(Shape, Like<request::OfferReset> auto& m) {
  return std::tie(m.name, m.code_hash, m.by);
}
auto fields(Shape, Like<request::LogOutAccount> auto& m) {
  return std::tie(m.name, m.by);
}
auto fields(Shape, Like<request::RemoveAccount> auto& m) {
  return std::tie(m.name, m.by);
}
auto fields(Shape, Like<request::Invite> auto& m) {
  return std::tie(m.code_hash, m.uses, m.days, m.by);
}

// ---- replies

auto fields(Shape, Like<Account> auto& m) {
  return std::tie(m.id, m.name);
}
auto fields(Shape, Like<Room> auto& m) {
  return std::tie(m.id, m.name, m.members, m.joined);
}
auto fields(Shape, Like<Message> auto& m) {
  return std::tie(m.id, m.at, m.time, m.conversation, m.from, m.original, m.erased, m.text, m.late,
                  m.undelivered);
}
template <>
inline constexpr std::size_t fields_at_least<Message> = 8;
auto fields(Shape, Like<Conversation> auto& m) {
  return std::tie(m.target, m.unread, m.last, m.read_upto);
}
auto fields(Shape, Like<event::Joined> auto& m) {
  return std::tie(m.at, m.time, m.room, m.user);
}
auto fields(Shape, Like<event::Left> auto& m) {
  return std::tie(m.at, m.time, m.room, m.user);
}
auto fields(Shape, Like<event::Read> auto& m) {
  return std::tie(m.at, m.conversation, m.upto);
}

auto fields(Shape, Like<event::Renamed> auto& m) {
  return std::tie(m.at, m.time, m.was, m.name, m.self);
}
auto fields(Shape, Like<event::Undelivered> auto& m) {
  return std::tie(m.at, m.time, m.message, m.to);
}

auto fields(Shape, Like<reply::ServerAddress> auto& m) {
  return std::tie(m.id, m.endpoint, m.key);
}
template <>
inline constexpr std::size_t fields_at_least<reply::ServerAddress> = 2;
auto fields(Shape, Like<reply::Hello> auto& m) {
  return std::tie(m.software, m.feature_level, m.cluster, m.server, m.leader, m.servers, m.time,
                  m.text_bytes_max);
}
auto fields(Shape, Like<reply::ForcedView> auto& m) {
  return std::tie(m.at, m.without);
}
auto fields(Shape, Like<reply::ServerStatus> auto& m) {
  return std::tie(m.software, m.cluster, m.server, m.role, m.health, m.leader, m.epoch, m.promised,
                  m.in_sync, m.lost_disk, m.view, m.last, m.last_hash, m.commit, m.applied,
                  m.log_bytes, m.table_bytes, m.uptime_ms, m.starts, m.waiting_for, m.waiting_why,
                  m.heard, m.policy, m.forced, m.scrub_passes, m.scrubbed, m.scrub_entries,
                  m.damage_found, m.damage_repaired, m.damage, m.settings);
}
template <>
inline constexpr std::size_t fields_at_least<reply::ServerStatus> = 22;
auto fields(Shape, Like<reply::Registered> auto& m) {
  return std::tie(m.account, m.name);
}
template <>
inline constexpr std::size_t fields_at_least<reply::Registered> = 1;
auto fields(Shape, Like<reply::LoggedIn> auto& m) {
  return std::tie(m.account, m.name, m.expires, m.now);
}
auto fields(Shape, Like<reply::Done> auto&) {
  return std::tie();
}
auto fields(Shape, Like<reply::Accounts> auto& m) {
  return std::tie(m.accounts, m.more);
}
auto fields(Shape, Like<reply::Conversations> auto& m) {
  return std::tie(m.conversations, m.next, m.account);
}
template <>
inline constexpr std::size_t fields_at_least<reply::Conversations> = 2;
auto fields(Shape, Like<reply::Session> auto& m) {
  return std::tie(m.id, m.created, m.expires, m.address, m.client, m.current);
}
auto fields(Shape, Like<reply::Sessions> auto& m) {
  return std::tie(m.sessions, m.more);
}
auto fields(Shape, Like<reply::AccountState> auto& m) {
  return std::tie(m.id, m.name, m.created, m.suspended, m.deleted, m.sessions);
}
auto fields(Shape, Like<reply::AccountStates> auto& m) {
  return std::tie(m.accounts, m.more);
}
auto fields(Shape, Like<reply::AccountShown> auto& m) {
  return std::tie(m.account, m.former_name, m.sessions, m.reset_until);
}
auto fields(Shape, Like<reply::CodeMade> auto& m) {
  return std::tie(m.expires);
}
auto fields(Shape, Like<reply::RoomDone> auto& m) {
  return std::tie(m.room, m.name);
}
template <>
inline constexpr std::size_t fields_at_least<reply::RoomDone> = 1;
auto fields(Shape, Like<reply::Rooms> auto& m) {
  return std::tie(m.rooms, m.more);
}
auto fields(Shape, Like<reply::Members> auto& m) {
  return std::tie(m.members, m.more);
}
auto fields(Shape, Like<reply::Sent> auto& m) {
  return std::tie(m.message, m.at, m.time);
}
auto fields(Shape, Like<reply::History> auto& m) {
  return std::tie(m.messages, m.more);
}
auto fields(Shape, Like<reply::SurveyedServer> auto& m) {
  return std::tie(m.id, m.endpoint, m.heard, m.silent_ms, m.member, m.in_sync, m.lost_disk,
                  m.health, m.last, m.promised);
}
auto fields(Shape, Like<reply::Survey> auto& m) {
  return std::tie(m.cluster, m.server, m.leader, m.servers);
}
auto fields(Shape, Like<reply::HandedOver> auto& m) {
  return std::tie(m.leader, m.epoch);
}
auto fields(Shape, Like<reply::Scrub> auto& m) {
  return std::tie(m.server, m.pass, m.ended, m.entries, m.last, m.found, m.repaired, m.tables_found,
                  m.tables_rebuilt, m.tables_ready);
}
auto fields(Shape, Like<reply::ClusterServer> auto& m) {
  return std::tie(m.id, m.place, m.replaced, m.key);
}
template <>
inline constexpr std::size_t fields_at_least<reply::ClusterServer> = 3;
auto fields(Shape, Like<reply::Cluster> auto& m) {
  return std::tie(m.id, m.policy, m.servers, m.settings);
}
template <>
inline constexpr std::size_t fields_at_least<reply::Cluster> = 3;
auto fields(Shape, Like<reply::Replaced> auto& m) {
  return std::tie(m.server, m.before, m.place, m.silent_ms, m.last, m.log, m.at, m.cluster);
}
auto fields(Shape, Like<reply::Rotated> auto& m) {
  return std::tie(m.server, m.key, m.at);
}
auto fields(Shape, Like<reply::ErrorBody> auto& m) {
  return std::tie(m.text, m.server, m.retry_ms, m.servers);
}

}  // namespace chat262::wire
