#include "broker/zap.hpp"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <optional>
#include <utility>

namespace chat262::broker {

namespace {

constexpr const char* zap_endpoint = "inproc://zeromq.zap.01";
constexpr const char* pulse_endpoint = "inproc://chat262.zap.pulse";
constexpr std::string_view stop_word = "stop";
constexpr std::size_t frames_least =
    6;  // version, request id, domain, address, identity, mechanism
constexpr std::size_t frames_max = 16;

std::int64_t steady_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

struct Answer {
  const char* code;
  const char* text;
};

Answer answer_to(Handshakes::Outcome outcome) {
  switch (outcome) {
    case Handshakes::Outcome::admitted:
      return {"200", "OK"};
    case Handshakes::Outcome::too_many:  // try again later
      return {"300", "too many connections"};
    case Handshakes::Outcome::unknown:
    case Handshakes::Outcome::former:
      return {"400", "not a key of this cluster"};
    case Handshakes::Outcome::malformed:
      break;
  }
  return {"500", "no such domain or mechanism"};
}

void send(zmq::socket_t& socket, std::string_view text, bool more) {
  zmq_send(socket.handle(), text.data(), text.size(), ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0));
}

}  // namespace

ZapHandler::ZapHandler(zmq::context_t& context, const ServiceLimits& limits, bool encrypted)
    : handshakes_(limits, random_hash_secret(), encrypted),
      asked_(context, zmq::socket_type::rep),
      pulse_(context, zmq::socket_type::pair),
      watch_(context, zmq::socket_type::pair) {
  for (auto* socket : {&asked_, &pulse_, &watch_}) socket->set(zmq::sockopt::linger, 0);
  asked_.bind(zap_endpoint);
  pulse_.bind(pulse_endpoint);
  watch_.connect(pulse_endpoint);
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "zap");
}

ZapHandler::~ZapHandler() {
  send(watch_, stop_word, false);
  thread_.join();
}

void ZapHandler::know(std::vector<KnownKey> keys) {
  const std::lock_guard lock(mutex_);
  keys_ = std::move(keys);
}

std::vector<ZapHandler::News> ZapHandler::take_news() {
  const std::lock_guard lock(mutex_);
  return std::exchange(news_, {});
}

bool ZapHandler::watch(replica::Clock now) {
  zmq::message_t frame;
  while (zmq_msg_recv(frame.handle(), watch_.handle(), ZMQ_DONTWAIT) >= 0) {
    if (frame.size() == sizeof answered_) std::memcpy(&answered_, frame.data(), sizeof answered_);
  }
  if (now < next_question_) return true;
  next_question_ = replica::clock_ms(now.value + ask_every_ms);
  unanswered_ = answered_ == questions_ ? 0 : unanswered_ + 1;
  ++questions_;
  zmq_send(watch_.handle(), &questions_, sizeof questions_, ZMQ_DONTWAIT);
  return unanswered_ < unanswered_max;
}

void ZapHandler::run() {
  while (true) {
    zmq_pollitem_t items[] = {{asked_.handle(), 0, ZMQ_POLLIN, 0},
                              {pulse_.handle(), 0, ZMQ_POLLIN, 0}};
    zmq_poll(items, 2, -1);
    zmq::message_t frame;
    while (zmq_msg_recv(frame.handle(), pulse_.handle(), ZMQ_DONTWAIT) >= 0) {
      if (frame.to_string_view() == stop_word) return;
      zmq_msg_send(frame.handle(), pulse_.handle(), ZMQ_DONTWAIT);
    }
    if ((items[0].revents & ZMQ_POLLIN) != 0) answer_handshake();
  }
}

// [version, request id, domain, address, identity, mechanism, credentials...]
void ZapHandler::answer_handshake() {
  std::vector<zmq::message_t> frames;
  bool more = true;
  while (more) {
    zmq::message_t frame;
    if (zmq_msg_recv(frame.handle(), asked_.handle(), 0) < 0) return;
    more = frame.more();
    if (frames.size() < frames_max) frames.push_back(std::move(frame));
  }
  const auto verdict = judge(frames);
  const auto [code, text] = answer_to(verdict.outcome);
  const auto user = verdict.outcome == Handshakes::Outcome::admitted && verdict.server
                        ? std::to_string(verdict.server->value)
                        : std::string();
  send(asked_, "1.0", true);
  send(asked_, frames.size() > 1 ? frames[1].to_string_view() : std::string_view(), true);
  send(asked_, code, true);
  send(asked_, text, true);
  send(asked_, user, true);
  send(asked_, {}, false);
}

Handshakes::Verdict ZapHandler::judge(const std::vector<zmq::message_t>& frames) {
  if (frames.size() < frames_least) return {};
  Handshakes::Request request{
      frames[2].to_string(), frames[3].to_string(), frames[5].to_string(), {}};
  if (frames.size() == frames_least + 1 && frames[6].size() == PublicKey::size) {
    std::memcpy(request.key.emplace().bytes.data(), frames[6].data(), PublicKey::size);
  }
  const std::lock_guard lock(mutex_);
  const auto verdict = handshakes_.judge(request, keys_, replica::clock_ms(steady_ms()));
  if (verdict.outcome != Handshakes::Outcome::admitted && news_.size() < news_max) {
    news_.push_back({verdict.outcome, request.domain, request.address, verdict.server});
  }
  return verdict;
}

}  // namespace chat262::broker
