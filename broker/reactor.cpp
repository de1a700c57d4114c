#include "broker/reactor.hpp"

#include <fmt/format.h>
#include <sodium.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <type_traits>
#include <utility>
#include <variant>

#include "broker/clocks.hpp"
#include "broker/control_socket.hpp"
#include "broker/notify.hpp"
#include "broker/server_limits.hpp"

namespace chat262::broker {

using replica::clock_ms;

namespace {

constexpr std::int64_t figures_every_ms = 500;
constexpr std::int64_t look_every_ms = 20;
constexpr std::int64_t write_behind_retry_ms = 1000;
constexpr std::int64_t clock_look_every_ms = 5'000;
constexpr std::int64_t clock_warning_every_ms = 600'000;

replica::Config replica_config(const Config& config) {
  replica::Config core;
  core.self = config.self;
  core.servers = static_cast<unsigned>(config.cluster.servers.size());
  core.policy = config.cluster.policy;
  return core;
}

}  // namespace

Result<std::unique_ptr<Reactor>> Reactor::open(const Config& config, Journal& journal,
                                               int signals) {
  auto reactor = std::unique_ptr<Reactor>(new Reactor(config, journal, signals));
  const auto started = reactor->start();
  if (!started) return tl::unexpected<Error>(started.error());
  return reactor;
}

Reactor::Reactor(const Config& config, Journal& journal, int signals)
    : config_(config),
      journal_(journal),
      signals_(signals),
      turnstile_(config.cluster.limits, random_hash_secret()),
      own_keys_(config.own_keys),
      gateway_(context_, &turnstile_, config.cluster.limits.connection_replies),
      control_(context_, nullptr, limits::operator_replies_max),
      members_(config.cluster, config.self, config.replaced, config.server_keys),
      peers_(config.peers),
      links_(context_, members_, config.self, peers_, &own_keys_),
      prober_(peers_),
      now_(read_clocks()),
      started_(now_.steady),
      replaced_(config.replaced),
      server_keys_(config.server_keys) {}

Reactor::~Reactor() = default;

Result<void> Reactor::start() {
  // Before the directory: a server that cannot listen leaves no mark on it.
  if (const auto listens = listen(); !listens) return listens;

  store::LogOptions options;
  options.directory = config_.data;
  options.identity = {config_.cluster.id, config_.self};
  options.incarnation_nonce = randombytes_random();
  auto log = store::Log::open(options);
  if (!log) return tl::unexpected<Error>(log.error());
  log_ = std::move(*log);
  if (const auto bound = open_control_socket(control_, config_.data); !bound) return bound;
  for (const auto& text : log_->start().notes) note(replica::NoteLevel::warning, text);
  if (!config_.cluster_file_flaw.empty()) {
    note(replica::NoteLevel::warning, config_.cluster_file_flaw);
  }
  RepairHost& repair_host = *this;
  repair_ = std::make_unique<Repair>(
      config_.self, static_cast<unsigned>(config_.cluster.servers.size()), repair_host);
  links_.connect();
  if (const auto repaired = repair_before_start(); !repaired || stopping_) return repaired;

  store::TablesOptions tables_options;
  tables_options.directory = config_.data;
  auto tables = store::Tables::open(tables_options, *log_);
  if (!tables) return tl::unexpected<Error>(tables.error());
  tables_ = std::move(*tables);
  if (tables_->applied() == Seq{} && log_->commit() > Seq{}) {
    note(replica::NoteLevel::info, "there are no tables that fit the log: they are made anew");
  }

  auto audited = AuditFile::open(config_.data, limits::audit_bytes_max);
  if (!audited) return tl::unexpected<Error>(audited.error());
  audit_file_ = std::move(*audited);
  audit_ = std::make_unique<Audit>(*audit_file_, *tables_);
  audit_->start(*log_);

  static_cast<void>(
      nobodys_hash(config_.cluster.password));  // takes its time now, not at the first wrong name
  log_thread_ = std::make_unique<LogThread>(*log_, inbox_);
  reader_thread_ = std::make_unique<ReaderThread>(*log_, inbox_);
  tables_thread_ = std::make_unique<TablesThread>(*tables_, *log_, inbox_);
  hashers_ = std::make_unique<Hashers>(inbox_, config_.cluster.password);
  scrub_thread_ = std::make_unique<ScrubThread>(*log_, *tables_, inbox_, config_.scrub_bytes_per_s);
  now_ = read_clocks();
  NodeHost& host = *this;
  ScrubHost& scrub_host = *this;
  node_ = std::make_unique<Node>(replica_config(config_), *log_, *tables_, host, now_.steady);
  service_ = std::make_unique<Service>(members_.now(), config_.self, *node_, *tables_, gateway_,
                                       *hashers_);
  service_->tell(audit_.get());
  operator_ = std::make_unique<Operator>(
      members_, config_.self, *node_, host, *service_, scrub_host, control_,
      Replacement(members_, config_.self, *node_, *tables_, config_.insecure),
      Rotation(members_, config_.self, *node_, *tables_, own_keys_, config_.data),
      AccountDesk(*node_, *tables_));
  for (const auto& [peer, why] : config_.unresolved) {
    note(replica::NoteLevel::warning, fmt::format("server {}: {}", peer.value, why));
  }
  note(replica::NoteLevel::info,
       fmt::format("chat262d {} started: clients {} servers {} data {} last {} commit {}",
                   CHAT262_VERSION, config_.client_bind, config_.peer_bind, config_.data.string(),
                   log_->last().value, log_->commit().value));
  new_disk_ = log_->start().lost_disk;
  keep_members();
  note_difference();
  return {};
}

// ---- what the node asks for

void Reactor::send(ServerId to, peer::Message message) {
  links_.send(to, message);
}
void Reactor::persist(replica::Persist write) {
  log_thread_->persist(std::move(write));
}
void Reactor::read_log(replica::ReadLog range) {
  reader_thread_->read(range);
}
void Reactor::probe(ServerId peer) {
  prober_.start(peer, now_.steady);
}

void Reactor::note(replica::NoteLevel level, const std::string& text) {
  if (node_ != nullptr) {
    const auto summary = node_->summary(now_.steady);
    journal_.set_state(summary.epoch, summary.role, summary.learner);
  }
  journal_.write(level, text);
}

// ---- the loop

int Reactor::run() {
  if (node_ == nullptr) return exit_ok;  // stopped while it was repaired
  while (!failed_ && !stopped()) turn();
  if (!failed_) finish_stop();
  return failed_ || replaced_by_another_ ? exit_failure : exit_ok;
}

void Reactor::turn() {
  items_.clear();
  items_.push_back({nullptr, signals_, ZMQ_POLLIN, 0});
  items_.push_back({nullptr, inbox_.fd(), ZMQ_POLLIN, 0});
  items_.push_back({gateway_.socket().handle(), 0, ZMQ_POLLIN, 0});
  items_.push_back({control_.socket().handle(), 0, ZMQ_POLLIN, 0});
  links_.poll_items(items_);
  prober_.poll_items(items_);
  const auto wait = poll_ms();
  // Not zmq::poll: an interrupted call is no exception here.
  zmq_poll(items_.data(), static_cast<int>(items_.size()), wait);
  take_time();
  more_input_ = false;

  if ((items_[0].revents & ZMQ_POLLIN) != 0) begin_stop();
  take_completions();
  take_peer_messages();
  take_broken_links();
  if (now_.steady >= node_->next_wake()) node_->step(replica::Tick{}, now_.steady);
  if (now_.steady >= next_look_) look_around();
  keep_log();
  keep_handshakes();
  take_client_requests();
  service_->finish_turn(now_);
  operator_->finish_turn(now_);
  node_->look_after_tables(now_.steady);
  if (node_->catching_up()) node_->catch_up(now_.steady);
  keep_tables();
  report_ready();
  if (node_->fault()) fatal(node_->fault()->text);
}

// By the others' clocks too, once they are heard.
void Reactor::take_time() {
  now_ = read_clocks();
  const auto own = now_.wall;
  now_.wall = members_.clock().now(own, now_.steady);
  if (now_.steady < next_clock_look_) return;
  next_clock_look_ = clock_ms(now_.steady.value + clock_look_every_ms);
  const auto wrong_ms = members_.clock().wrong_by(own, now_.steady);
  if (!wrong_ms) return;
  next_clock_look_ = clock_ms(now_.steady.value + clock_warning_every_ms);
  note(replica::NoteLevel::warning,
       fmt::format("the clock of this machine is {}.{} s {} those of all other servers: set it",
                   std::abs(*wrong_ms) / 1000, std::abs(*wrong_ms) % 1000 / 100,
                   *wrong_ms > 0 ? "ahead of" : "behind"));
}

long Reactor::poll_ms() const {
  if (more_input_ || (node_->catching_up() && !node_->waits_for_repair())) return 0;
  const auto now = read_clocks().steady;
  auto next = std::min({node_->next_wake(), next_write_behind_, next_figures_});
  if (const auto deadline = service_->next_deadline()) next = std::min(next, *deadline);
  if (const auto deadline = prober_.next_deadline()) next = std::min(next, *deadline);
  if (const auto deadline = operator_->next_deadline()) next = std::min(next, *deadline);
  if (const auto deadline = repair_->next_deadline()) next = std::min(next, *deadline);
  next = std::min(next, zap_->next_question());
  return static_cast<long>(std::clamp(next.value - now.value, std::int64_t{0}, std::int64_t{1000}));
}

void Reactor::take_completions() {
  inbox_.take(completions_);
  for (auto& completion : completions_) {
    std::visit(
        [this](auto& done) {
          using Done = std::decay_t<decltype(done)>;
          if constexpr (std::is_same_v<Done, PasswordDone>) {
            service_->password_done(done.job, done.verified, done.hash, now_);
          } else if constexpr (std::is_same_v<Done, TablesWritten>) {
            writing_behind_ = false;
            tables_->settle();
            if (done.disk_full)
              next_write_behind_ = clock_ms(now_.steady.value + write_behind_retry_ms);
          } else if constexpr (std::is_same_v<Done, Fatal>) {
            fatal(done.text);
          } else if constexpr (std::is_same_v<Done, LogDamaged>) {
            log_damaged(done.at);
          } else if constexpr (std::is_same_v<Done, ReadDamaged>) {
            hold_read(done.range);
          } else if constexpr (std::is_same_v<Done, PeerRead>) {
            const auto routing = node_->routing(now_.steady);
            done.answer.has_none =
                done.answer.has_none && std::holds_alternative<replica::Serve>(routing);
            send_repair(done.to, std::move(done.answer));
          } else if constexpr (std::is_same_v<Done, RepairWritten>) {
            repair_->written(done, now_.steady);
          } else if constexpr (std::is_same_v<Done, Scrubbed>) {
            scrubbed_ = done;
            if (done.asked != 0 && done.asked == asked_scrub_.pass) asked_scrub_.ended = done;
            note(replica::NoteLevel::info,
                 fmt::format("the whole log was read and checked: {} entries", done.entries));
          } else {
            if constexpr (std::is_same_v<Done, replica::PersistFailed>) log_thread_->resume();
            if constexpr (std::is_same_v<Done, replica::LogRead>) held_reads_.answered(done.id);
            node_->step(std::move(done), now_.steady);
          }
        },
        completion);
  }
}

void Reactor::take_peer_messages() {
  messages_.clear();
  notes_.clear();
  const auto taken =
      links_.receive(limits::peer_messages_per_turn_max, messages_, now_.steady, notes_);
  if (taken == limits::peer_messages_per_turn_max) more_input_ = true;
  for (const auto peer : links_.take_moved()) {
    move_peer(peer);
    note_difference();
  }
  for (auto& message : messages_) {
    if (operator_->receive(message, now_)) continue;
    if (take_repair_message(message) || take_superseded(message)) continue;
    node_->step(replica::Received{std::move(message)}, now_.steady);
  }
  for (const auto& text : notes_) note(replica::NoteLevel::warning, text);
}

void Reactor::take_broken_links() {
  broken_.clear();
  links_.read_monitors(broken_);
  for (const auto& link : broken_) {
    if (link.was_connected) {
      prober_.start_insistently(link.peer, now_.steady);
    } else {
      prober_.start_sparingly(link.peer, now_.steady);
    }
  }
  probed_.clear();
  prober_.finish(now_.steady, probed_);
  for (const auto& result : probed_) node_->step(result, now_.steady);
}

void Reactor::take_client_requests() {
  const auto handle = [this](ReplyTo to, Request&& request) {
    service_->request(to, std::move(request), now_);
  };
  const auto begin = read_clocks().steady.value;
  std::size_t taken = 0;
  do {
    taken += gateway_.receive(limits::requests_at_once_max, now_.steady, handle);
  } while (gateway_.has_more() && taken < limits::requests_per_turn_max &&
           read_clocks().steady.value - begin < limits::requests_turn_ms_max);
  if (gateway_.has_more()) more_input_ = true;
  control_.receive(
      limits::operator_requests_per_turn_max, now_.steady,
      [this](ReplyTo to, Request&& request) { operator_->request(to, std::move(request), now_); });
  if (control_.has_more()) more_input_ = true;
}

// Not with the core's ticks: while messages come all the time there are none.
void Reactor::look_around() {
  next_look_ = clock_ms(now_.steady.value + look_every_ms);
  keep_members();
  service_->set_outdated(members_.outdated(node_->summary(now_.steady), peer::accounts_level));
  take_resolved();
  if (now_.steady < next_figures_) return;
  next_figures_ = clock_ms(now_.steady.value + figures_every_ms);
  service_->set_figures({log_->size().file_bytes, tables_->file_bytes(),
                         static_cast<std::uint64_t>(now_.steady.value - started_.value), scrubbed_,
                         repair_->figures()});
}

// ---- tables

void Reactor::keep_tables() {
  if (writing_behind_) {
    next_write_behind_ = std::max(next_write_behind_, clock_ms(now_.steady.value + 10));
    return;
  }
  if (now_.steady < next_write_behind_ && tables_->overlay_bytes() < limits::overlay_write_bytes) {
    return;
  }
  next_write_behind_ = clock_ms(now_.steady.value + limits::write_behind_every_ms);
  write_tables_behind();
}

void Reactor::write_tables_behind() {
  if (!tables_->seal(std::min(node_->committed(), tables_->applied()))) return;
  writing_behind_ = true;
  tables_thread_->write_behind();
}

// ---- start and end

void Reactor::report_ready() {
  if (ready_ || node_->catching_up()) return;
  ready_ = true;
  notify_manager("READY=1\nSTATUS=answering requests");
}

void Reactor::begin_stop() {
  signalfd_siginfo info{};
  if (read(signals_, &info, sizeof info) != sizeof info || stopping_) return;
  note(replica::NoteLevel::info, fmt::format("signal {}: stopping", info.ssi_signo));
  notify_manager("STOPPING=1");
  stopping_ = true;
  operator_->leave(now_);
}

bool Reactor::stopped() const {
  return stopping_ && operator_->gone();
}

void Reactor::finish_stop() {
  service_->stop();
  node_->step(replica::Stop{}, now_.steady);
  service_->finish_turn(now_);
  links_.linger(limits::stop_linger_ms);
  gateway_.linger(limits::stop_linger_ms);
  scrub_thread_.reset();
  // What was under way is finished, so that the next start has less to do.
  log_thread_.reset();
  tables_thread_.reset();
  remove_control_socket(config_.data);
  note(replica::NoteLevel::info, "stopped");
}

void Reactor::fatal(const std::string& text) {
  if (failed_) return;
  failed_ = true;
  journal_.critical(text);
}

}  // namespace chat262::broker
