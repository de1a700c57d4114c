#include "test/simulation/explain.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "test/simulation/answers.hpp"
#include "test/simulation/reference_chat.hpp"
#include "test/support/text.hpp"
#include "test/support/violation.hpp"

namespace chat262::test {

namespace {

RequestId id_of(const Call& call) {
  return {call.request.client, call.request.number};
}

class Explainer {
 public:
  Explainer(const History& history, const std::vector<Entry>& log, const OneHistory& explained)
      : all_(history), first_(explained.last), log_(log) {
    for (const Call& call : all_) {
      if (call.began >= explained.since) history_.push_back(call);
    }
    restore_texts();
    for (const Entry& entry : log_) {
      if (entry.kind != EntryKind::view) places_.emplace(entry.request, entry.seq);
    }
    for (const Call& call : all_) {
      if (!is_write(call.request.body)) continue;
      const auto [found, fresh] = began_.emplace(id_of(call), call.began);
      if (!fresh) found->second = std::min(found->second, call.began);
    }
    note_beginnings();
  }

  void check() {
    bound_by_writes();
    replay();
    order();
  }

 private:
  struct Point {            // of one call
    Seq place{};            // of its entry; 0: it has none
    Seq tried{};            // of an earlier try's entry, which may have come after the answer
    Seq lowest{};           // it cannot have seen less than up to here
    Seq highest{};          // nor more
    std::vector<Seq> fits;  // the states that explain its answer
  };

  [[noreturn]] void fail_at(const Call& call, const std::string& why) const {
    std::string text = "client " + std::to_string(call.client) + ", " + kind_of(call.request.body) +
                       " " + std::to_string(call.request.number) + " from " +
                       std::to_string(call.began / milliseconds) + " to " +
                       std::to_string(call.ended / milliseconds) + " ms, told " +
                       status_name(call.reply->status) + ": " + why;
    throw Violation(text);
  }

  // The texts of deleted accounts are gone from the final log.
  void restore_texts() {
    std::map<RequestId, const std::string*> sent;
    for (const Call& call : all_) {
      const auto* send = std::get_if<request::Send>(&call.request.body);
      if (send != nullptr) sent[id_of(call)] = &send->text;
    }
    for (Entry& entry : log_) {
      const auto known = sent.find(entry.request);
      if (entry.erased && known != sent.end()) {
        entry.text.assign(known->second->begin(), known->second->end());
      }
    }
  }

  // latest_[m]: when the last of the operations up to m began. Every one must have begun before
  // somebody saw it.
  void note_beginnings() {
    Time latest = -1;
    latest_.push_back(latest);
    for (const Entry& entry : log_) {
      if (entry.kind != EntryKind::view) {
        const auto began = began_.find(entry.request);
        if (began == began_.end()) {
          throw Violation("the log has " + text_of(entry.request) + ", which no client asked for");
        }
        latest = std::max(latest, began->second);
      }
      latest_.push_back(latest);
    }
  }

  [[nodiscard]] Seq highest_for(const Call& call) const {
    const auto above = std::upper_bound(latest_.begin(), latest_.end(), call.ended);
    return seq(static_cast<std::uint64_t>(above - latest_.begin()) - 1);
  }

  // Calls that have an answer, in the order in which they ended.
  [[nodiscard]] std::vector<std::size_t> by_end() const {
    std::vector<std::size_t> ended;
    for (std::size_t i = 0; i < history_.size(); ++i) {
      if (history_[i].reply) ended.push_back(i);
    }
    std::stable_sort(ended.begin(), ended.end(), [this](std::size_t a, std::size_t b) {
      return history_[a].ended < history_[b].ended;
    });
    return ended;
  }

  // A refusal says that this try did nothing. An earlier one that got no answer may lie on a server
  // that is away, and is merged when that returns (PROTOCOL.md, "Exactly once").
  void place_of(const Call& call, Seq at, Point& point) const {
    const bool refused = call.reply->status != Status::ok;
    const bool merged = log_[at.value - 1].kind == EntryKind::merged;
    (refused && merged ? point.tried : point.place) = at;
  }

  void bound_by_writes() {
    points_.resize(history_.size());
    for (std::size_t i = 0; i < history_.size(); ++i) {
      const Call& call = history_[i];
      if (!call.reply) continue;
      if (is_write(call.request.body)) {
        const auto place = places_.find(id_of(call));
        if (place != places_.end()) place_of(call, place->second, points_[i]);
        if (place == places_.end() && call.reply->status == Status::ok) {
          fail_at(call, "it is not in the log (I1)");
        }
      }
      points_[i].highest = highest_for(call);
    }
    const std::vector<std::size_t> ended = by_end();
    std::size_t next = 0;
    Seq lowest = first_;
    for (std::size_t i = 0; i < history_.size(); ++i) {
      for (; next < ended.size() && history_[ended[next]].ended < history_[i].began; ++next) {
        lowest = std::max(lowest, points_[ended[next]].place);
      }
      points_[i].lowest = lowest;
      if (points_[i].tried <= lowest && points_[i].place.value == 0) {
        points_[i].place = std::exchange(points_[i].tried, Seq{});
      }
    }
  }

  // Goes through all states once; every call that may have seen one is compared with it.
  void replay() {
    std::multimap<Seq, std::size_t> waiting;  // by the first state to look at
    for (std::size_t i = 0; i < history_.size(); ++i) {
      if (!history_[i].reply) continue;
      waiting.emplace(points_[i].place.value > 0 ? points_[i].place : points_[i].lowest, i);
    }
    std::vector<std::size_t> looking;
    ReferenceChat chat;
    for (Seq at{};; at = at.next()) {
      if (at.value > 0) chat.apply(log_[at.value - 1]);
      const auto [from, to] = waiting.equal_range(at);
      for (auto one = from; one != to; ++one) {
        if (points_[one->second].place.value > 0) {
          compare_write(history_[one->second], chat);
        } else {
          looking.push_back(one->second);
        }
      }
      std::erase_if(looking, [&](std::size_t i) {
        return points_[i].highest < at || reaches_try(points_[i], history_[i], at, chat);
      });
      for (const std::size_t i : looking) {
        if (explains(chat, history_[i])) points_[i].fits.push_back(at);
      }
      if (at.value == log_.size()) return;
    }
  }

  // From there on the answer is what became of that try.
  static bool reaches_try(Point& point, const Call& call, Seq at, const ReferenceChat& chat) {
    if (point.tried != at || at.value == 0) return false;
    if (same_answer(chat.reply_to_write(call.request), *call.reply)) point.place = at;
    return true;
  }

  static bool explains(const ReferenceChat& chat, const Call& call) {
    if (is_write(call.request.body)) return chat.refusal(call.request) == call.reply->status;
    return same_answer(chat.reply_to_read(call.request), *call.reply);
  }

  void compare_write(const Call& call, const ReferenceChat& chat) const {
    const Reply expected = chat.reply_to_write(call.request);
    if (same_answer(expected, *call.reply)) return;
    fail_at(call, std::string("by the log it is ") + status_name(expected.status));
  }

  void order() {
    const std::vector<std::size_t> ended = by_end();
    std::size_t next = 0;
    Seq known = first_;
    for (std::size_t i = 0; i < history_.size(); ++i) {
      const Call& call = history_[i];
      for (; next < ended.size() && history_[ended[next]].ended < call.began; ++next) {
        known = std::max(known, points_[ended[next]].place);
      }
      if (!call.reply) continue;
      Point& point = points_[i];
      if (point.place.value > 0) {
        if (began_.at(id_of(call)) == call.began && point.place <= known) {
          fail_at(call, "it stands at " + std::to_string(point.place.value) +
                            ", before what had ended at " + std::to_string(known.value));
        }
        if (point.highest < point.place) fail_at(call, "it stands behind what began later");
        continue;
      }
      const auto fit = std::lower_bound(point.fits.begin(), point.fits.end(), known);
      if (fit == point.fits.end()) {
        fail_at(call, "no state from " + std::to_string(known.value) + " to " +
                          std::to_string(point.highest.value) + " explains it");
      }
      point.place = *fit;
    }
  }

  const History& all_;
  Seq first_;  // the earliest state that a call can have seen
  std::vector<Entry> log_;
  History history_;  // what is to be explained
  std::map<RequestId, Seq> places_;
  std::map<RequestId, Time> began_;
  std::vector<Time> latest_;
  std::vector<Point> points_;
};

}  // namespace

void check_explained(const History& history, const std::vector<Entry>& log,
                     const OneHistory& explained) {
  Explainer(history, log, explained).check();
}

}  // namespace chat262::test
