// The single servers of an exploration: each state of one server with its disk, once, under a
// number; what each input does to it, computed once. So the cost of an interleaving of the whole
// cluster is that of looking up numbers, though every step is one of the real core.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/replica/io.hpp"
#include "test/model/digest.hpp"

namespace chat262::model {

inline constexpr unsigned servers = 3;

using ServerNumber = std::uint32_t;   // a state of one server
using MessageNumber = std::uint32_t;  // a message

enum class Kind : std::uint8_t {
  deliver,     // `message` arrives
  write,       // the oldest durable write is done
  crash,       // with all that is not on its disk
  start,       // again, from its disk
  refused,     // by the process of `arg`, which is dead
  asked,       // a client wants it to lead
  submit,      // a client hands it operation `arg`
  heartbeat,   // is due, and all that is sent again with it
  ask_over,    // ask_wait has passed
  unheard,     // prepare_wait has passed without a word from `arg`
  suspects,    // suspect_after has passed without a word from `arg`
  lease_over,  // of this leader, as to member `arg`
  owes_none,   // what it owes to the leader it acknowledged has passed
  robbed       // starts again, with an empty disk
};

[[nodiscard]] inline bool starts(Kind kind) {
  return kind == Kind::start || kind == Kind::robbed;
}

struct Input {
  Kind kind{};
  std::uint8_t arg = 0;
  MessageNumber message = 0;
};

struct Sent {
  std::uint8_t to = 0;
  MessageNumber message = 0;
};

// What the rest of the cluster sees of a step.
struct Step {
  ServerNumber to = 0;
  std::vector<Sent> sent;
  std::uint32_t acknowledged = 0;  // operations, a bit each
  std::uint64_t committed = 0;     // up to here, if that moved; else 0
  std::string broken;              // what it broke; empty: nothing
};

struct Placed {  // an entry
  Position at{};
  std::uint64_t hash = 0;
  auto operator<=>(const Placed&) const = default;
};

// What the exploration asks of one state of a server again and again.
struct Face {
  bool alive = false;
  bool serves = false;
  bool writes_pending = false;
  bool leads = false;
  bool candidate = false;
  bool in_sync = false;
  bool stuck_in_ask = false;  // a takeover waits for answers
  bool retries = false;       // a heartbeat would send something again
  std::uint8_t leader = 255;  // whom it hears
  std::uint8_t owes = 255;    // the leader whose lease keeps it from promising
  Epoch promised{};
  Epoch last_epoch{};
  Incarnation life{};
  std::uint32_t operations = 0;  // in its log
  std::uint32_t members = 0;     // of its latest view, a bit each
  std::uint64_t committed = 0;
  std::vector<Placed> log;  // as it believes it to be
  std::vector<Placed> disk;
  struct Other {
    Incarnation life{};  // as known here
    bool knows_me = false;
    bool dead = false;  // and that counts in a takeover under way
    bool heard_of = false;
    bool suspected = false;
    bool unsettled = false;  // a takeover waits for it
    bool lease = false;
    bool inflight = false;  // an Append that it has not answered
  };
  Other other[servers];
};

class Servers {
 public:
  // `history`: there is one, so nothing committed is ever cut.
  Servers(replica::Config config, bool history);
  ~Servers();
  Servers(const Servers&) = delete;
  Servers& operator=(const Servers&) = delete;

  // A server that never ran, of a cluster that was founded.
  [[nodiscard]] ServerNumber fresh(unsigned id);
  [[nodiscard]] const Step& step(ServerNumber from, const Input& input);
  [[nodiscard]] const Face& face(ServerNumber number) const { return faces_[number]; }
  [[nodiscard]] const peer::Message& message(MessageNumber number) const {
    return *messages_[number];
  }
  // What the exploration asks of a message again and again.
  struct Envelope {
    std::uint8_t kind = 0;  // of peer::Body
    Incarnation to{};
    Epoch epoch{};           // of those that are meaningless in a later one; else the greatest
    MessageNumber aged = 0;  // the same Heartbeat or HeartbeatAck, sent long ago
  };
  [[nodiscard]] const Envelope& envelope(MessageNumber number) const { return envelopes_[number]; }
  // Tells nothing of the lease any more.
  [[nodiscard]] MessageNumber aged(MessageNumber number) { return envelopes_[number].aged; }

  const bool one_history;

  [[nodiscard]] std::size_t states() const { return nodes_.size(); }
  [[nodiscard]] std::size_t messages() const { return messages_.size(); }
  [[nodiscard]] std::size_t steps() const { return steps_.size(); }
  [[nodiscard]] std::string text_of(ServerNumber number) const;  // for people

  // While an input is being handled: for whoever must say where the core aborted.
  [[nodiscard]] const Input* under_way() const { return under_way_; }

 private:
  struct Node;
  class Shell;
  class Tables;

  void handle(Node& node, const Input& input, Step& step);  // throws Violation
  ServerNumber intern(std::unique_ptr<Node> node);
  MessageNumber intern(peer::Message message);
  [[nodiscard]] Face face_of(const Node& node) const;

  replica::Config config_;
  std::unique_ptr<Tables> tables_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<Face> faces_;
  std::vector<std::unique_ptr<peer::Message>> messages_;
  std::vector<Envelope> envelopes_;
  std::map<Print, ServerNumber> known_nodes_;
  std::map<Print, MessageNumber> known_messages_;
  std::unordered_map<std::uint64_t, std::uint32_t> known_steps_;
  std::deque<Step> steps_;  // references to them stay
  const Input* under_way_ = nullptr;
};

[[nodiscard]] RequestId operation_id(unsigned index);  // "x", "y", ...
[[nodiscard]] const char* name_of(Kind kind);

}  // namespace chat262::model
