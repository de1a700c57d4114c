// One client of a run. Private to Clients.
#pragma once

#include <map>
#include <string>

#include "test/simulation/clients.hpp"

namespace chat262::test {

class Clients::Client {
 public:
  Client(World& world, History& history, std::uint64_t& tickets, std::uint64_t seed, unsigned index,
         unsigned servers, bool quarrels);

  [[nodiscard]] Time due() const;
  void run();
  bool hear(std::uint64_t ticket, const Bytes* frame);
  void finish();
  void finish_again();
  [[nodiscard]] bool finished() const { return stage_ == Stage::finished; }

 private:
  enum class Stage { working, sending_last, reading, finished };
  struct Lane {  // one call at a time
    Caller caller;
    std::optional<std::size_t> call;  // in the history
    Time next = 0;                    // when to begin the next one
  };

  // work.cpp: what is asked
  [[nodiscard]] Request next_request();
  [[nodiscard]] RequestBody signed_out();
  [[nodiscard]] RequestBody signed_in();
  [[nodiscard]] RequestBody write_something();
  [[nodiscard]] RequestBody read_something();
  [[nodiscard]] RequestBody rare_thing();
  void want_new_name();
  [[nodiscard]] RequestBody log_in(const std::string& name, const std::string& password);
  [[nodiscard]] Target target();
  [[nodiscard]] std::string user();
  [[nodiscard]] std::string room();
  [[nodiscard]] std::string text();
  [[nodiscard]] std::string password();
  [[nodiscard]] Request request_for(RequestBody body);
  [[nodiscard]] Request next_event_request();

  // client.cpp: what becomes of it
  void begin(Lane& lane, const Request& request, Time timeout);
  void look(Lane& lane);
  void learn(const Call& call);
  void learn_of_write(const Call& call);
  void run_last();
  void begin_last();

  World& world_;
  History& history_;
  Random random_;
  unsigned index_;
  ClientId id_{};
  std::uint64_t number_ = 0;
  Lane main_;
  Lane events_;
  bool quarrels_;
  bool listens_ = false;
  Time think_ = 0;
  std::size_t text_bytes_max_ = 0;

  std::string name_;      // of the account that it is or wants to be
  std::string password_;  // as it believes
  unsigned names_used_ = 1;
  bool registered_ = false;
  Bytes token_;  // empty: signed out
  std::optional<Cursor> events_since_;
  std::map<std::string, Cursor> seen_;      // by target: a cursor of it, to go on from
  std::optional<SessionId> other_session_;  // of its account, as it was listed last
  std::optional<Request> abandoned_;        // a write of unknown outcome, to ask for again
  std::optional<Request> done_;             // one that was answered
  Stage stage_ = Stage::working;
  std::vector<Target> to_read_;
  std::vector<RequestBody> to_ask_;  // before that
  std::vector<Request> to_repeat_;   // at the very end
  std::optional<Cursor> read_from_;
};

}  // namespace chat262::test
