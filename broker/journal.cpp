#include "broker/journal.hpp"

#include <spdlog/async.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <utility>

namespace chat262::broker {

namespace {

constexpr std::size_t queue_lines_max = 8192;
constexpr std::array levels{"trace", "debug", "info", "warn", "error", "critical", "off"};

struct State {
  std::atomic<std::uint64_t> epoch{0};
  std::atomic<std::uint32_t> epoch_server{0};
  std::atomic<const char*> role{"follower"};
};

// "server=2 epoch=7.0 role=leader" where the pattern says %*.
class StateFlag final : public spdlog::custom_flag_formatter {
 public:
  StateFlag(ServerId self, std::shared_ptr<const State> state)
      : self_(self), state_(std::move(state)) {}

  void format(const spdlog::details::log_msg& /*message*/, const std::tm& /*time*/,
              spdlog::memory_buf_t& out) override {
    fmt::format_to(std::back_inserter(out), "server={} epoch={}.{} role={}", self_.value,
                   state_->epoch.load(), state_->epoch_server.load(), state_->role.load());
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return spdlog::details::make_unique<StateFlag>(self_, state_);
  }

 private:
  ServerId self_;
  std::shared_ptr<const State> state_;
};

class SpdlogJournal final : public Journal {
 public:
  SpdlogJournal(ServerId self, const std::string& level, spdlog::sink_ptr sink)
      : state_(std::make_shared<State>()),
        pool_(std::make_shared<spdlog::details::thread_pool>(queue_lines_max, 1)),
        sink_(std::move(sink)),
        logger_(std::make_shared<spdlog::async_logger>(
            "chat262d", sink_, pool_, spdlog::async_overflow_policy::overrun_oldest)) {
    auto formatter = std::make_unique<spdlog::pattern_formatter>();
    formatter->add_flag<StateFlag>('*', self, state_)
        .set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %* %v");
    logger_->set_formatter(std::move(formatter));
    logger_->set_level(spdlog::level::from_str(level));
    logger_->flush_on(spdlog::level::info);
  }

  void write(replica::NoteLevel level, const std::string& text) override {
    switch (level) {
      case replica::NoteLevel::debug:
        logger_->debug(text);
        return;
      case replica::NoteLevel::info:
        logger_->info(text);
        return;
      case replica::NoteLevel::warning:
        logger_->warn(text);
        return;
      case replica::NoteLevel::error:
        logger_->error(text);
        return;
    }
  }

  void critical(const std::string& text) override { logger_->critical(text); }

  void set_state(const Epoch& epoch, peer::Role role, bool learner) override {
    state_->epoch = epoch.counter;
    state_->epoch_server = epoch.server.value;
    state_->role = role == peer::Role::leader      ? "leader"
                   : role == peer::Role::candidate ? "candidate"
                   : learner                       ? "learner"
                                                   : "follower";
  }

  void flush() override {
    // The pool's thread ends when its queue is empty.
    logger_.reset();
    pool_.reset();
    sink_->flush();
    pool_ = std::make_shared<spdlog::details::thread_pool>(2, 1);
    logger_ = std::make_shared<spdlog::async_logger>("chat262d", sink_, pool_);
  }

 private:
  std::shared_ptr<State> state_;
  std::shared_ptr<spdlog::details::thread_pool> pool_;
  spdlog::sink_ptr sink_;
  std::shared_ptr<spdlog::async_logger> logger_;
};

}  // namespace

bool is_log_level(const std::string& level) {
  for (const auto* each : levels) {
    if (level == each) return true;
  }
  return false;
}

Result<std::unique_ptr<Journal>> Journal::open(ServerId self, const std::string& level,
                                               const std::string& file) {
  try {
    spdlog::sink_ptr sink;
    if (file.empty()) {
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    } else {
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(file);
    }
    return std::make_unique<SpdlogJournal>(self, level, std::move(sink));
  } catch (const spdlog::spdlog_ex& error) {
    return fail(Errc::system, "cannot write the log file " + file + ": " + error.what());
  }
}

}  // namespace chat262::broker
