// The reactor's part in encryption: sockets that prove a key, who is admitted to them, and keys
// that change while it runs.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "broker/reactor.hpp"
#include "broker/self_test.hpp"
#include "store/server_keys_file.hpp"

namespace chat262::broker {

using replica::clock_ms;

namespace {

// Then the others have read in the log which key this server connects with.
constexpr std::int64_t rekey_links_after_ms = 1'000;
constexpr std::int64_t tell_every_ms = 10'000;
constexpr std::size_t told_max = 256;

}  // namespace

Result<void> Reactor::listen() {
  zap_ = std::make_unique<ZapHandler>(context_, config_.cluster.limits, members_.encrypted());
  if (!members_.encrypted()) {
    if (const auto bound = links_.bind(config_.peer_bind); !bound) return bound;
    return gateway_.serve_plain(config_.client_bind);
  }
  members_.prove_with(own_keys_.present().key);
  admit();
  auto peers = Listener::open(config_.peer_bind, "the other servers");
  if (!peers) return tl::unexpected<Error>(peers.error());
  auto clients = Listener::open(config_.client_bind, "clients");
  if (!clients) return tl::unexpected<Error>(clients.error());
  peer_listener_ = std::move(*peers);
  client_listener_ = std::move(*clients);
  if (const auto served = serve_present_key(); !served) return served;
  SelfTest test{config_.client_bind, config_.peer_bind, own_keys_.present()};
  const auto tested = test_admission(test);
  static_cast<void>(zap_->take_news());  // of whom the test tried to bring in
  return tested;
}

Result<void> Reactor::serve_present_key() {
  if (const auto served = gateway_.serve(client_listener_, own_keys_.present()); !served) {
    return served;
  }
  return links_.serve(peer_listener_);
}

void Reactor::admit() {
  auto keys = members_.known_keys(now_.steady);
  if (keys == admitted_) return;
  admitted_ = keys;
  zap_->know(std::move(keys));
}

void Reactor::keep_keys(Seq commit) {
  if (!members_.encrypted()) return;
  const auto said = tables_->server_keys();
  if (tables_->fault()) return;
  for (const auto server : members_.take_keys(said, commit, now_.wall, now_.steady)) {
    note(replica::NoteLevel::info,
         fmt::format("server {} has the key {} now, since entry {}", server.value,
                     key_text(members_.key(server)), members_.key_since(server).value));
    links_.rekey(server);
  }
  const auto& own = members_.key(config_.self);
  if (own != own_keys_.present().key && own_keys_.has(own)) change_over(own);
  const bool settled =
      std::all_of(said.begin(), said.end(), [commit](const auto& one) { return one.at <= commit; });
  if (settled && said != server_keys_) {
    server_keys_ = said;
    if (const auto written = store::write_server_keys_file(config_.data, said); !written) {
      note(replica::NoteLevel::warning, written.error().text);
    }
    note_difference();
  }
  admit();
}

// Connections that are up stay as they are.
void Reactor::change_over(const PublicKey& key) {
  own_keys_.change_to(key);
  members_.prove_with(key);
  admit();
  if (const auto served = serve_present_key(); !served) {
    fatal(served.error().text);
    return;
  }
  rekey_links_at_ = clock_ms(now_.steady.value + rekey_links_after_ms);
  note(replica::NoteLevel::info, fmt::format("this server proves the key {} now", key_text(key)));
}

void Reactor::keep_handshakes() {
  links_.keep(now_.steady);
  if (!zap_->watch(now_.steady)) {
    fatal(
        "the thread that decides who is admitted does not answer: without it nobody is let in, so "
        "this server ends");
    return;
  }
  for (const auto& news : zap_->take_news()) tell_news(news);
  if (rekey_links_at_ && now_.steady >= *rekey_links_at_) {
    rekey_links_at_.reset();
    links_.rekey_all();
  }
  admit();
}

void Reactor::tell_news(const ZapHandler::News& news) {
  if (news.outcome == Handshakes::Outcome::former) {
    links_.tell_former(*news.server, news.address, now_.steady);
  }
  if (told_.size() >= told_max) told_.clear();
  auto& last = told_[news.address + " " + news.domain];
  if (last != replica::Clock{} && now_.steady.value - last.value < tell_every_ms) return;
  last = now_.steady;
  std::string why;
  switch (news.outcome) {
    case Handshakes::Outcome::admitted:
      return;
    case Handshakes::Outcome::unknown:
      why = "its key is none of this cluster's servers'";
      break;
    case Handshakes::Outcome::former:
      why = fmt::format("its key is that of a machine that was server {} before it was replaced",
                        news.server->value);
      break;
    case Handshakes::Outcome::too_many:
      why = "it makes too many";
      break;
    case Handshakes::Outcome::malformed:
      why = "it is of no known kind";
      break;
  }
  note(replica::NoteLevel::warning,
       fmt::format("a connection from {} to the {}' port was refused: {}", news.address,
                   news.domain, why));
}

}  // namespace chat262::broker
