// Gets a request answered by whichever server can, or tells what is known when the deadline has
// passed: the hands of Retry. Also asks one server directly.
//
// Not thread-safe; a Caller, its connections included, lives on one thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "chat262/client.hpp"
#include "client/connection.hpp"
#include "client/retry.hpp"
#include "protocol/client_messages.hpp"

namespace chat262::client {

class Caller {
 public:
  // `cancel_fd`: -1, or a descriptor that ends a call when it becomes readable.
  Caller(zmq::context_t& context, const std::vector<Address>& servers, Milliseconds poll,
         std::function<void(const Progress&)> on_progress, int cancel_fd);

  struct Result {
    std::optional<Reply> reply;   // the answer, if there is a decisive one
    std::optional<Reply> excuse;  // else the last unavailable, busy or not_leader
    bool cancelled = false;
    // Some server took the request and may have done it, though it did not say so.
    bool perhaps_done = false;
  };
  [[nodiscard]] Result call(const Request& request, Milliseconds timeout);

  // One try at one server. `server` must be one of the addresses' numbers.
  [[nodiscard]] Result call_one(unsigned server, const Request& request, Milliseconds timeout);

  [[nodiscard]] bool knows(unsigned server) const { return server < connections_.size(); }
  // For people: "server 0 (127.0.0.1)".
  [[nodiscard]] std::string label(unsigned server) const;
  // For people: why it could not be reached, " (...)", if more is known than that it did not
  // answer.
  [[nodiscard]] std::string trouble(unsigned server) const;
  // The same of the first server of which there is more to say.
  [[nodiscard]] std::string any_trouble() const;
  // For people: all of them, "127.0.0.1, 127.0.0.2".
  [[nodiscard]] std::string all_labels() const;

 private:
  struct Call {  // one call under way
    const Request& request;
    Bytes frame;
    Result result;
    bool trouble = false;             // some server did not help: tell when one does
    std::optional<unsigned> pointer;  // who said last that another one leads
  };
  [[nodiscard]] std::optional<Retry::Event> try_server(Call& call, const Retry::Ask& ask);
  [[nodiscard]] Retry::Event judge(Call& call, Reply reply);
  // Who can say where a server is that did not answer: who said that it leads; and if it was
  // reached and the handshake failed, anybody who is connected.
  [[nodiscard]] std::optional<unsigned> who_knows(const Call& call, unsigned silent) const;
  // `pointer` says that `server` leads, and that one does not answer: it may be elsewhere by now.
  void look_elsewhere(unsigned server, unsigned pointer);
  [[nodiscard]] bool sleep_until(std::int64_t until_ms);  // false: cancelled
  void report(Call& call, const Retry::Event& event, const Retry::Step& next, unsigned asked,
              std::int64_t now_ms);
  void tell(Progress::Kind kind, unsigned server, std::string text);

  const std::vector<Address> given_;
  std::vector<Address> servers_;  // where they are asked
  std::vector<Connection> connections_;
  Retry retry_;
  std::function<void(const Progress&)> on_progress_;
  int cancel_fd_;
};

// An endpoint as people write it: without tcp://, and without the default port.
[[nodiscard]] std::string shown_address(const std::string& endpoint);

}  // namespace chat262::client
