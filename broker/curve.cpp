#include "broker/curve.hpp"

namespace chat262::broker {

namespace {

constexpr int zap_enforce_domain = 93;  // ZMQ_ZAP_ENFORCE_DOMAIN, in zmq.h among the drafts

}  // namespace

void serve_admitted(zmq::socket_t& socket, const char* domain) {
  socket.set(zmq::sockopt::zap_domain, domain);
  const int yes = 1;
  if (zmq_setsockopt(socket.handle(), zap_enforce_domain, &yes, sizeof yes) != 0) {
    throw zmq::error_t();
  }
}

void serve_curve(zmq::socket_t& socket, const KeyPair& own, const char* domain) {
  const auto& secret = own.secret.bytes();
  socket.set(zmq::sockopt::curve_server, true);
  socket.set(zmq::sockopt::curve_secretkey, zmq::const_buffer(secret.data(), secret.size()));
  serve_admitted(socket, domain);
}

void connect_curve(zmq::socket_t& socket, const KeyPair& own, const PublicKey& server) {
  const auto& secret = own.secret.bytes();
  socket.set(zmq::sockopt::curve_secretkey, zmq::const_buffer(secret.data(), secret.size()));
  socket.set(zmq::sockopt::curve_publickey,
             zmq::const_buffer(own.key.bytes.data(), PublicKey::size));
  socket.set(zmq::sockopt::curve_serverkey,
             zmq::const_buffer(server.bytes.data(), PublicKey::size));
}

}  // namespace chat262::broker
