// The gateway, on a real socket.
#include "broker/gateway.hpp"

#include "broker/server_limits.hpp"
#include "protocol/codec.hpp"
#include "protocol/limits.hpp"
#include "test/support/catch.hpp"
#include "test/unit/broker/eventually.hpp"

using namespace chat262;
using namespace chat262::broker;
using namespace chat262::broker::test;
using replica::clock_ms;

namespace {

struct Clients {
  zmq::context_t context;
  replica::Clock now = replica::clock_ms(1000);
  Gateway gateway{context, nullptr, 32};
  std::string endpoint;
  std::vector<std::pair<ReplyTo, Request>> requests;

  Clients() {
    REQUIRE(gateway.bind("tcp://127.13.9.1:*"));
    endpoint = gateway.socket().get(zmq::sockopt::last_endpoint);
  }
  zmq::socket_t connect(zmq::socket_type type) {
    zmq::socket_t socket(context, type);
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::rcvtimeo, 10'000);
    socket.connect(endpoint);
    return socket;
  }
  std::size_t receive() {
    return gateway.receive(100, now, [this](ReplyTo to, Request&& request) {
      requests.emplace_back(to, std::move(request));
    });
  }
  Reply answer(zmq::socket_t& socket) {
    zmq::message_t frame;
    REQUIRE(socket.recv(frame));
    const auto reply = decode_reply({frame.data<std::uint8_t>(), frame.size()}, request::Hello{});
    REQUIRE(reply);
    return *reply;
  }
  Reply refused(zmq::socket_t& socket, const Bytes& bytes) {
    socket.send(zmq::buffer(bytes));
    REQUIRE(eventually([this] { return receive() == 1; }));
    return answer(socket);
  }
};

Bytes hello(std::uint64_t number) {
  Request request;
  request.client.bytes[0] = 1;
  request.number = number;
  request.body = request::Hello{};
  return encode_request(request);
}

}  // namespace

TEST_CASE_METHOD(Clients, "each kind of bad request has its answer and the connection stays") {
  auto client = connect(zmq::socket_type::req);
  CHECK(refused(client, {0xc1, 1, 2}).status == Status::malformed);
  auto bytes = hello(7);
  bytes[1] = 9;  // the version
  CHECK(refused(client, bytes).status == Status::wrong_version);
  bytes = hello(7);
  bytes[2] = 0x7f;  // the operation
  const auto unknown = refused(client, bytes);
  CHECK(unknown.status == Status::unknown_operation);
  CHECK(unknown.number == 7);
  CHECK(refused(client, Bytes(chat262::limits::client_frame_bytes_max + 1, 0)).status ==
        Status::too_large);
  CHECK(requests.empty());
  client.send(zmq::buffer(hello(8)));
  REQUIRE(eventually([this] { return receive() == 1; }));
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].second.number == 8);
  gateway.reply(requests[0].first, {Status::busy, 8, reply::ErrorBody{"x", {}, 1, {}}});
  CHECK(answer(client).number == 8);
  CHECK(gateway.open() == 0);
}

TEST_CASE_METHOD(Clients,
                 "the envelope comes back as it went, and answers may leave in any order") {
  auto client = connect(zmq::socket_type::dealer);
  for (std::uint64_t number = 1; number <= 2; ++number) {
    client.send(zmq::str_buffer("trace"), zmq::send_flags::sndmore);
    client.send(zmq::message_t(), zmq::send_flags::sndmore);
    client.send(zmq::buffer(hello(number)));
  }
  REQUIRE(eventually([this] {
    receive();
    return requests.size() == 2;
  }));
  for (const auto index : {1, 0}) {
    const auto& [to, request] = requests[static_cast<std::size_t>(index)];
    gateway.reply(to, {Status::busy, request.number, reply::ErrorBody{}});
    zmq::message_t frame;
    REQUIRE(client.recv(frame));
    CHECK(frame.to_string() == "trace");
    REQUIRE(client.recv(frame));
    CHECK(frame.size() == 0);
    CHECK(answer(client).number == request.number);
  }
}

TEST_CASE_METHOD(Clients, "two frames behind the envelope are malformed, none is dropped") {
  auto client = connect(zmq::socket_type::dealer);
  client.send(zmq::message_t(), zmq::send_flags::sndmore);
  client.send(zmq::buffer(hello(1)), zmq::send_flags::sndmore);
  client.send(zmq::buffer(hello(2)));
  REQUIRE(eventually([this] { return receive() == 1; }));
  zmq::message_t frame;
  REQUIRE(client.recv(frame));
  CHECK(answer(client).status == Status::malformed);
  client.send(zmq::buffer(hello(3)));  // no empty frame: no envelope
  REQUIRE(eventually([this] { return receive() == 1; }));
  CHECK(gateway.counters().dropped == 1);
  for (int i = 0; i < 50; ++i) {  // far too many frames
    client.send(zmq::str_buffer("x"), zmq::send_flags::sndmore);
  }
  client.send(zmq::buffer(hello(4)));
  REQUIRE(eventually([this] { return receive() == 1; }));
  CHECK(gateway.counters().dropped == 2);
  CHECK(requests.empty());
}

TEST_CASE_METHOD(Clients, "a message of very many frames takes several turns") {
  auto client = connect(zmq::socket_type::dealer);
  for (std::size_t i = 0; i < 2 * broker::limits::frames_per_turn_max; ++i) {
    client.send(zmq::message_t(), zmq::send_flags::sndmore);
  }
  client.send(zmq::message_t(), zmq::send_flags::none);
  client.send(zmq::message_t(), zmq::send_flags::sndmore);
  client.send(zmq::buffer(hello(1)));
  REQUIRE(eventually([this] { return receive() == 0 && gateway.has_more(); }));
  CHECK(gateway.counters().requests == 0);
  receive();
  CHECK(gateway.has_more());
  CHECK(gateway.counters().requests == 0);
  REQUIRE(eventually([this] {
    receive();
    return !requests.empty();
  }));
  CHECK(gateway.counters().requests == 2);
  CHECK(gateway.counters().malformed == 1);
  CHECK(requests.front().second.number == 1);
}

TEST_CASE_METHOD(Clients, "a reply to a client that has gone is dropped, the next is served") {
  {
    auto client = connect(zmq::socket_type::req);
    client.send(zmq::buffer(hello(1)));
    REQUIRE(eventually([this] { return receive() == 1; }));
  }
  auto client = connect(zmq::socket_type::req);
  client.send(zmq::buffer(hello(2)));
  REQUIRE(eventually([this] {
    receive();
    return requests.size() == 2;
  }));
  for (const auto& [to, request] : requests) {
    gateway.reply(to, {Status::busy, request.number, reply::ErrorBody{}});
  }
  CHECK(answer(client).number == 2);
  gateway.reply(requests[0].first, {Status::ok, 1, reply::ErrorBody{}});  // answered already
}

TEST_CASE_METHOD(Clients, "a port that is taken is named in the error") {
  zmq::context_t other_context;
  Gateway other(other_context, nullptr, 32);
  const auto bound = other.bind(endpoint);
  REQUIRE_FALSE(bound);
  CHECK(bound.error().code == Errc::in_use);
  CHECK(bound.error().text.find(endpoint) != std::string::npos);
}
