#include "samples.hpp"

namespace samples {

namespace {

const Target to_bob{TargetKind::user, "bob"};
const Target to_lobby{TargetKind::room, "lobby"};

Request open(std::uint64_t number, RequestBody body) {
  return {client(), number, {}, std::move(body)};
}

Request signed_in(std::uint64_t number, RequestBody body) {
  return {client(), number, token(), std::move(body)};
}

}  // namespace

std::vector<RequestSample> requests() {
  const Cursor place = make_cursor(position(3, 1, 1042));
  return {
      {"hello", "Who are you, and who leads?", open(0, request::Hello{})},
      {"status", "How is this server?", open(0, request::Status{})},
      {"register", "A new account.", open(1, request::Register{"alice", "correct horse"})},
      {"register_invited", "With an invitation's code.",
       open(1, request::Register{"alice", "correct horse", "7K3QF-0M9XW-2TVNB-A8RZD"})},
      {"log_in", "A session; the token is made by the client.",
       open(2, request::LogIn{"alice", "correct horse", token()})},
      {"log_in_described", "The same; the program says what it is.",
       open(2, request::LogIn{"alice", "correct horse", token(), "chat262 0.1.0 on ada"})},
      {"log_out", "End this session.", signed_in(3, request::LogOut{})},
      {"log_out_all", "End all sessions of this account.", signed_in(4, request::LogOutAll{})},
      {"change_password", "Ends every other session.",
       signed_in(5, request::ChangePassword{"correct horse", "battery staple"})},
      {"delete_account", "The password is asked for once more.",
       signed_in(6, request::DeleteAccount{"battery staple"})},
      {"list_sessions", "First page of one's own sessions.",
       signed_in(0, request::ListSessions{{}, 100})},
      {"end_session", "Another session of one's own.",
       signed_in(13, request::EndSession{bytes_from<SessionId>(0x70)})},
      {"reset_password", "With a code that an operator gave.",
       open(14, request::ResetPassword{"alice", "7K3QF-0M9XW-2TVNB-A8RZD", "battery staple"})},
      {"search_accounts", "First page of the names that begin with al.",
       signed_in(0, request::SearchAccounts{"al*", "", 100})},
      {"list_conversations", "First page.", signed_in(0, request::ListConversations{{}, 100})},
      {"create_room", "", signed_in(7, request::CreateRoom{"lobby"})},
      {"join_room", "", signed_in(8, request::JoinRoom{"lobby"})},
      {"leave_room", "", signed_in(9, request::LeaveRoom{"lobby"})},
      {"list_rooms", "The page after the room named lobby.",
       signed_in(0, request::ListRooms{"*", "lobby", 50})},
      {"list_members", "", signed_in(0, request::ListMembers{"lobby", "", 100})},
      {"send_to_user", "", signed_in(10, request::Send{to_bob, "Hi Bob", std::nullopt})},
      {"send_to_room", "Text is any UTF-8.",
       signed_in(
           11, request::Send{to_lobby, "Gr\xC3\xBC\xC3\x9F dich \xF0\x9F\x91\x8B", std::nullopt})},
      {"send_imported", "Written elsewhere, by carol, in 2009.",
       signed_in(300, request::Send{to_lobby, "ancient words",
                                    Original{"carol", TimeMs{{1234567890123}}}})},
      {"history_newest", "The newest 50 messages with bob.",
       signed_in(0, request::History{to_bob, std::nullopt, false, 50})},
      {"history_newer", "Messages of the lobby after a place.",
       signed_in(0, request::History{to_lobby, place, true, 20})},
      {"events_from_now", "What happens from now on; answered at once with a cursor.",
       signed_in(0, request::Events{std::nullopt, 0, 100})},
      {"events_wait", "What happened after a place; wait up to 700 ms for something.",
       signed_in(0, request::Events{place, 700, 100})},
      {"mark_read", "", signed_in(12, request::MarkRead{to_bob, place})},
      {"survey", "The operator: what do you know of all servers?", open(0, request::Survey{})},
      {"handover", "The operator: let the first fit server lead.",
       open(0, request::Handover{std::nullopt})},
      {"handover_to", "The operator: let server 2 lead.", open(0, request::Handover{server_id(2)})},
      {"force_lead", "The operator: lead, whoever is missing.", open(0, request::ForceLead{})},
      {"scrub", "The operator: read your log and tables now.",
       open(0, request::Scrub{std::nullopt, true})},
      {"scrub_of", "The operator: how far is server 2 with that?",
       open(0, request::Scrub{server_id(2), false})},
      {"replace", "The operator: server 2 is a new machine from now on.",
       open(9, request::Replace{server_id(2), "10.0.0.9", true, bytes_from<PublicKey>(0x41)})},
      {"cluster", "The operator: what has the cluster file to say?", open(0, request::Cluster{})},
      {"rotate_keys", "The operator: server 2 is to have a new key.",
       open(10, request::RotateKeys{server_id(2), {}})},
      {"list_accounts", "The operator: first page of all accounts.",
       open(0, request::ListAccounts{"*", "", 100})},
      {"show_account", "The operator: what of alice?", open(0, request::ShowAccount{"alice"})},
      {"suspend_account", "The operator: alice is to stay out.",
       open(10, request::SuspendAccount{"alice", true, "root"})},
      {"offer_reset", "The operator: who has the code of this hash may set a new password.",
       open(11, request::OfferReset{"alice", bytes_from<Hash>(0x80), "root"})},
      {"log_out_account", "The operator: end all sessions of alice.",
       open(12, request::LogOutAccount{"alice", "root"})},
      {"remove_account", "The operator: delete alice.",
       open(13, request::RemoveAccount{"alice", "root"})},
      {"invite", "The operator: five may register with the code of this hash, for a week.",
       open(14, request::Invite{bytes_from<Hash>(0x80), 5, 7, "root"})},
  };
}

}  // namespace samples
