#include "protocol/codec.hpp"
#include "samples.hpp"

namespace samples {

namespace {

constexpr TimeMs noon{{1800000000000}};
constexpr Epoch second{2, server_id(0)};
constexpr Epoch third{3, server_id(1)};

// Appends to one log: gives seqs, chains hashes.
class LogOfSamples {
 public:
  void view(std::string name, std::string meaning, Epoch epoch, const View& view) {
    append(std::move(name), std::move(meaning), epoch, make_view_entry(view));
  }
  void operation(std::string name, std::string meaning, OperationBody body,
                 const std::string& text = {}) {
    const Operation operation{{client(), ++number_}, noon, 0x0123456789abcdef, std::move(body)};
    append(std::move(name), std::move(meaning), third,
           make_operation_entry(operation, Bytes(text.begin(), text.end())));
  }
  void append(std::string name, std::string meaning, Epoch epoch, Entry entry) {
    entry.epoch = epoch;
    entry.seq = seq(samples_.size() + 1);
    const Hash previous = samples_.empty() ? Hash{} : samples_.back().entry.hash;
    entry.hash = entry_hash(previous, entry);
    samples_.push_back({std::move(name), std::move(meaning), std::move(entry)});
  }
  [[nodiscard]] const Entry& last() const { return samples_.back().entry; }
  [[nodiscard]] std::vector<EntrySample> take() { return std::move(samples_); }

 private:
  std::vector<EntrySample> samples_;
  std::uint64_t number_ = 0;
};

}  // namespace

std::vector<EntrySample> entries() {
  const AccountId alice = account_id({client(), 1});
  const AccountId bob = bytes_from<AccountId>(0x30);
  const RoomId room = room_id({client(), 4});
  const Hash token_hash = hash_of(token());
  LogOfSamples log;
  log.view("view", "Server 0 leads servers 0 and 2.", second,
           {server_id(0), {{server_id(0), {1, 7}}, {server_id(2), {3, 9}}}, false});
  log.view("view_forced", "Server 1 leads alone, by an operator's word.", third,
           {server_id(1), {{server_id(1), {4, 1234567890}}}, true});
  log.operation("register", "", op::Register{alice, "Alice", "alice", "$argon2id$v=19$..."});
  log.operation("open_session", "", op::OpenSession{alice, token_hash, TimeMs{{1802592000000}}});
  log.operation("close_session", "", op::CloseSession{alice, token_hash});
  log.operation("create_room", "", op::CreateRoom{alice, room, "Lobby", "lobby"});
  log.operation("join_room", "", op::JoinRoom{bob, room});
  log.operation("send_to_user", "The text stands outside the head.",
                op::SendMessage{alice, message_id({client(), 6}), bob, std::nullopt}, "Hi Bob");
  log.operation("send_to_room", "Imported.",
                op::SendMessage{alice, message_id({client(), 7}), room,
                                op::Original{"carol", TimeMs{{-86400000}}}},
                "ancient words");
  const Entry imported = log.last();
  Entry erased = imported;
  erased.text.clear();
  erased.erased = true;
  log.append("send_erased", "The text is gone, its hash stands.", third, erased);
  log.append("merged", "Taken over from a log that had diverged after seq 2.", third,
             *make_merged_entry(imported, position(2, 0, 2)));
  log.operation("mark_read", "", op::MarkRead{alice, bob, position(3, 1, 8)});
  log.operation("mark_room_read", "", op::MarkRead{alice, room, position(3, 1, 9)});
  log.operation("leave_room", "", op::LeaveRoom{bob, room});
  log.operation("change_password", "",
                op::ChangePassword{alice, "$argon2id$v=19$other", token_hash});
  log.operation("close_all_sessions", "", op::CloseAllSessions{alice});
  log.operation("delete_account", "", op::DeleteAccount{alice});
  log.operation("replace_server", "Server 2 is another machine from here on.",
                op::ReplaceServer{cluster(), server_id(2), {"10.0.0.9", 26262, 26263}});
  log.operation("set_server_key", "Server 2 has another key from here on.",
                op::SetServerKey{cluster(), server_id(2), bytes_from<PublicKey>(0x40)});
  log.operation("open_session_described", "Where, and by which program.",
                op::OpenSession{alice, token_hash, TimeMs{{1802592000000}}, "192.0.2.7",
                                "chat262 0.1.0 on ada"});
  const Hash code = hash_of(token());
  log.operation("register_invited", "A use of the invitation is taken.",
                op::Register{bob, "Bob", "bob", "$argon2id$v=19$...", code});
  log.operation("close_all_sessions_by", "An operator logs the account out.",
                op::CloseAllSessions{alice, "root at server 1"});
  log.operation("delete_account_by", "By an operator.",
                op::DeleteAccount{alice, "root at server 1"});
  log.operation("rehash", "The same password, at a higher cost.",
                op::Rehash{alice, hash_of(token()), "$argon2id$v=19$more"});
  log.operation("create_invitation", "",
                op::CreateInvitation{code, 5, TimeMs{{1802592000000}}, "root at server 1"});
  log.operation("suspend_account", "", op::SuspendAccount{alice, true, "root at server 1"});
  log.operation("resume_account", "", op::SuspendAccount{alice, false, "root at server 1"});
  log.operation("offer_reset", "",
                op::OfferReset{alice, code, TimeMs{{1802592000000}}, "root at server 1"});
  log.operation("reset_password", "", op::ResetPassword{alice, code, "$argon2id$v=19$new"});
  return log.take();
}

std::vector<PeerSample> peer_messages() {
  using namespace peer;
  const auto log = entries();
  const Position at = position(3, 1, 1042);
  const Hash hash = bytes_from<Hash>(0x80);
  const View view{server_id(1), {{server_id(1), {4, 11}}, {server_id(2), {2, 12}}}, false};
  const auto from_1 = [](Body body) {
    return peer::Message{server_id(1), {4, 11}, {2, 12}, std::move(body)};
  };
  return {
      {"hello", "The receiver's incarnation is not known yet.",
       peer::Message{server_id(1), {4, 11}, {}, peer::Hello{third, at, hash, {2, 12}, true}}},
      {"hello_with_a_claim", "From a machine that took the place of another one.",
       peer::Message{server_id(1), {1, 11}, {}, peer::Hello{{}, {}, {}, {}, true}},
       Claim{1, {"10.0.0.9", 26262, 26263}, {}}},
      {"hello_with_a_key", "In a cluster whose connections are encrypted.",
       peer::Message{server_id(1), {1, 11}, {}, peer::Hello{{}, {}, {}, {}, true}},
       Claim{0, {"10.0.0.2", 26262, 26263}, bytes_from<PublicKey>(0x21)}},
      {"heartbeat", "From the leader.",
       from_1(Heartbeat{third, server_id(1), third, position(3, 1, 1000), at, seq(1040),
                        Role::leader, Health::able, true, 5000, 3, 4980})},
      {"heartbeat_no_leader", "From a server with a full disk that hears no leader.",
       from_1(Heartbeat{third,
                        std::nullopt,
                        {},
                        {},
                        at,
                        seq(1040),
                        Role::candidate,
                        Health::full,
                        false,
                        5000,
                        0,
                        0})},
      {"heartbeat_ack", "", from_1(HeartbeatAck{third, 5000})},
      {"append", "A view and a message.",
       from_1(Append{third,
                     position(2, 0, 1),
                     log[0].entry.hash,
                     {log[1].entry, log[7].entry},
                     seq(1),
                     position(2, 0, 1)})},
      {"append_empty", "Only tells the commit.",
       from_1(Append{third, at, hash, {}, seq(1042), position(3, 1, 1000)})},
      {"ack", "", from_1(Ack{third, seq(1042), seq(1050)})},
      {"nack", "", from_1(Nack{{4, server_id(2)}})},
      {"reject", "", from_1(Reject{third, position(2, 0, 1)})},
      {"offer", "", from_1(Offer{third, position(3, 1, 2), {log[8].entry}})},
      {"ask", "", from_1(Ask{77})},
      {"answer", "", from_1(Answer{77, server_id(0), second})},
      {"answer_nobody", "", from_1(Answer{77, std::nullopt, {}})},
      {"prepare", "", from_1(Prepare{{4, server_id(1)}})},
      {"promise", "",
       from_1(Promise{{4, server_id(2)},
                      at,
                      hash,
                      position(3, 1, 1000),
                      view,
                      seq(1042),
                      true,
                      false,
                      Health::able})},
      {"promise_empty", "Of an empty log.",
       from_1(Promise{{1, server_id(2)}, {}, {}, {}, {}, {}, false, true, Health::rebuilding})},
      {"fetch", "", from_1(Fetch{{4, server_id(1)}, at, 1048576})},
      {"entries", "",
       from_1(Entries{{4, server_id(1)}, position(3, 1, 8), log[7].entry.hash, {log[8].entry}})},
      {"wait", "", from_1(Wait{{4, server_id(2)}, 400})},
      {"goodbye_handover", "", from_1(Goodbye{Farewell::handover, third, server_id(2)})},
      {"goodbye_stopping", "", from_1(Goodbye{Farewell::stopping, {}, std::nullopt})},
      {"relay", "An operator's request, passed on to the leader.",
       from_1(Relay{7, encode_request({client(), 0, {}, request::Handover{server_id(2)}})})},
      {"relayed", "Its answer.",
       from_1(Relayed{
           7, encode_reply({Status::ok, 0, reply::HandedOver{server_id(2), {4, server_id(2)}}})})},
      {"repair_ask", "The records of these are damaged.", from_1(RepairAsk{seq(2), seq(65)})},
      {"repair_answer", "", from_1(RepairAnswer{seq(2), false, log[0].entry.hash, {log[1].entry}})},
      {"repair_answer_none", "The leader's log ends before them.",
       from_1(RepairAnswer{seq(2000), true, {}, {}})},
      {"failed_sign_ins", "Wrong passwords for one name from one address, and from another.",
       from_1(FailedSignIns{{{0x0102030405060708, "192.0.2.7", 3}, {77, "2001:db8::7", 1}}})},
      {"ack_with_the_time", "To a server of feature level 3: what time it is here.",
       from_1(Ack{third, seq(1042), seq(1050)}), Claim{0, {"10.0.0.2", 26262, 26263}},
       TimeMs{{1800000000000}}},
      {"superseded", "To the machine that was server 2.",
       peer::Message{
           server_id(1), {4, 11}, {}, Superseded{server_id(2), 1, {"10.0.0.9", 26262, 26263}}}},
  };
}

}  // namespace samples
