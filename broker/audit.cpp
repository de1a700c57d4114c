#include "broker/audit.hpp"

#include <algorithm>
#include <variant>

#include "broker/audit_lines.hpp"
#include "broker/server_limits.hpp"
#include "protocol/names.hpp"

namespace chat262::broker {

using replica::clock_ms;

namespace {

constexpr std::uint64_t mark_every = 50'000;  // entries without a line: so far back a start looks
constexpr std::int64_t told_every_ms = 10'000;
constexpr std::size_t failed_max = 16;  // told one by one; a flood must not fill the disk
constexpr std::size_t read_bytes = 1024 * 1024;

}  // namespace

void Audit::start(const store::Log& log) {
  for (const auto& position : file_.found()) {
    if (position.seq > log.last()) continue;
    const auto entry = log.read(position.seq, position.seq, 1);
    if (!entry || entry->empty() || entry->front().epoch != position.epoch) continue;
    seen_ = position.seq;  // this history has it
    break;
  }
  told_ = seen_;
  committed_ = std::max(log.commit(), tables_.applied());
  while (seen_ < tables_.applied()) {
    const auto entries = log.read(seen_.next(), tables_.applied(), read_bytes);
    if (!entries || entries->empty()) break;  // damaged: what is behind it is not told
    for (const auto& entry : *entries) applied(entry);
  }
  seen_ = std::max(seen_, tables_.applied());
}

std::optional<std::string> Audit::line_of(const Entry& entry) const {
  if (entry.kind == EntryKind::view || !entry.text.empty() || entry.erased) return std::nullopt;
  const auto decoded = decode_operation(entry);
  if (!decoded) return std::nullopt;
  // The first copy of a request counts, and has its line.
  const auto outcome = tables_.request(entry.request);
  if (!outcome || outcome->at != entry.position()) return std::nullopt;
  AuditLine line;
  line.at(entry.position()).time(decoded->operation.time);
  if (!std::visit(AuditedOperation(line, tables_), decoded->operation.body)) return std::nullopt;
  if (outcome->status != Status::ok) line.field("refused", status_name(outcome->status));
  if (decoded->merged) line.flag("merged");
  return line.text();
}

// Tables that are made anew apply again what was seen.
void Audit::applied(const Entry& entry) {
  if (entry.seq <= seen_) return;
  seen_ = entry.seq;
  epoch_ = entry.epoch;
  if (auto line = line_of(entry)) {
    told_ = seen_;
    waiting_.push_back({entry.seq, std::move(*line)});
  } else if (entry.seq.value >= told_.value + mark_every) {
    told_ = seen_;
    waiting_.push_back({entry.seq, AuditLine().at(entry.position()).field("what", "mark").text()});
  }
  if (!waiting_.empty()) flush();
}

void Audit::committed(Seq seq) {
  committed_ = std::max(committed_, seq);
  if (!waiting_.empty()) flush();
}

void Audit::reverted(Seq to) {
  committed_ = std::min(committed_, to);
  seen_ = std::min(seen_, to);
  told_ = std::min(told_, to);
  while (!waiting_.empty() && waiting_.back().at > to) waiting_.pop_back();
}

void Audit::flush() {
  while (!waiting_.empty() && waiting_.front().at <= committed_) {
    write(std::move(waiting_.front().text));
    waiting_.pop_front();
  }
}

void Audit::write(std::string line) {
  if (lost_ > 0 &&
      file_.write(AuditLine().field("what", "lines-lost").field("count", lost_).text())) {
    lost_ = 0;
  }
  if (!file_.write(std::move(line))) ++lost_;
}

// ---- failures

void Audit::failed(Failure failure, const Request& request, TimeMs now) {
  const std::string* typed = nullptr;
  if (const auto* login = std::get_if<request::LogIn>(&request.body)) typed = &login->name;
  if (const auto* reset = std::get_if<request::ResetPassword>(&request.body)) typed = &reset->name;
  if (typed == nullptr) return;
  const auto folded = fold(*typed);
  const auto account = folded ? tables_.account_named(*folded) : std::nullopt;
  const std::pair key{account ? account->name : std::string(), request.address};
  const bool room = failed_.size() < failed_max || failed_.count(key) != 0;
  auto& count = room ? failed_[key] : others_;
  if (count.wrong + count.throttled == 0) count.first = now;
  ++(failure == Failure::wrong ? count.wrong : count.throttled);
}

void Audit::finish_turn(replica::Clock now, TimeMs wall) {
  if (failed_.empty() || now < next_told_) return;
  next_told_ = clock_ms(now.value + told_every_ms);
  const auto say = [this](AuditLine line, const Failed& count) {
    if (count.wrong > 0) line.field("wrong", count.wrong);
    if (count.throttled > 0) line.field("throttled", count.throttled);
    write(line.text());
  };
  for (const auto& [who, count] : failed_) {
    AuditLine line;
    line.time(count.first).field("what", "sign-in-failed");
    if (who.first.empty()) {
      line.flag("unknown_name");
    } else {
      line.field("account", who.first);
    }
    if (!who.second.empty()) line.field("address", who.second);
    say(std::move(line), count);
  }
  if (others_.wrong + others_.throttled > 0) {
    AuditLine line;
    line.time(wall).field("what", "sign-in-failed").flag("of_others");
    say(std::move(line), others_);
  }
  failed_.clear();
  others_ = {};
}

}  // namespace chat262::broker
