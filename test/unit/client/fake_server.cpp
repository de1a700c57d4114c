#include "test/unit/client/fake_server.hpp"

#include <utility>
#include <zmq.hpp>
#include <zmq_addon.hpp>

#include "protocol/codec.hpp"

namespace chat262::client {

FakeServer::FakeServer(std::string endpoint, Answer answer)
    : endpoint_(std::move(endpoint)), answer_(std::move(answer)), thread_([this] { run(); }) {
  listening_.wait(false);
}

FakeServer::~FakeServer() {
  ending_ = true;
  thread_.join();
}

std::vector<Request> FakeServer::requests() {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void FakeServer::run() {
  zmq::context_t context(1);
  zmq::socket_t router(context, zmq::socket_type::router);
  router.set(zmq::sockopt::linger, 0);
  router.set(zmq::sockopt::rcvtimeo, 10);
  router.bind(endpoint_);
  listening_ = true;
  listening_.notify_all();
  while (!ending_) {
    std::vector<zmq::message_t> frames;
    if (!zmq::recv_multipart(router, std::back_inserter(frames))) continue;
    const auto* bytes = static_cast<const std::uint8_t*>(frames.back().data());
    const auto request = decode_request({bytes, frames.back().size()});
    if (!request) continue;
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(*request);
    }
    auto reply = answer_(*request);
    if (!reply) continue;
    reply->number = request->number;
    const Bytes frame = encode_reply(*reply);
    frames.back() = zmq::message_t(frame.data(), frame.size());
    zmq::send_multipart(router, frames);
  }
}

Reply error_reply(Status status, reply::ErrorBody body) {
  return Reply{.status = status, .number = 0, .body = std::move(body)};
}

Reply sent_reply() {
  return Reply{
      .status = Status::ok, .number = 0, .body = reply::Sent{.message = {}, .at = {1}, .time = {}}};
}

}  // namespace chat262::client
