// The reactor's part in the replacement of servers: what the log says is done here, live.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <variant>

#include "broker/reactor.hpp"
#include "store/replaced_file.hpp"

namespace chat262::broker {

void Reactor::keep_members() {
  const auto summary = node_->summary(now_.steady);
  new_disk_ = new_disk_ && !summary.in_sync;
  members_.count_file(!summary.in_sync);
  // Tables that are behind know less than they will.
  if (node_->catching_up() || tables_->applied() < node_->committed()) return;
  const auto said = tables_->replaced();
  if (tables_->fault()) return;
  const auto commit = node_->committed();
  const bool settled =
      std::all_of(said.begin(), said.end(), [commit](const auto& one) { return one.at <= commit; });
  for (const auto peer : members_.take(said, commit)) move_peer(peer);
  keep_keys(commit);
  if (settled && said != replaced_) {
    replaced_ = said;
    if (const auto written = store::write_replaced_file(config_.data, said); !written) {
      note(replica::NoteLevel::warning, written.error().text);
    }
    note_difference();
  }
  // Who is being brought up to date reads of machines that came before it.
  if (!members_.self_replaced() || new_disk_ || stopping_) return;
  // Nobody else may have what it alone has acknowledged: then it goes on until somebody has.
  const bool alone =
      summary.role == peer::Role::leader && summary.view && summary.view->view.members.size() == 1;
  if (alone) return;
  stop_replaced(members_.now().servers.at(config_.self.value).place(), "the log says");
}

bool Reactor::take_superseded(const peer::Message& message) {
  const auto* said = std::get_if<peer::Superseded>(&message.body);
  if (said == nullptr) return false;
  keep_members();
  // A new machine at a place of before may be told by a server that has not heard of it yet: it
  // leads nothing until it is in-sync, and knows better then.
  if (members_.means_this(*said) && !new_disk_ && !stopping_) {
    stop_replaced(said->place, fmt::format("server {} says", message.from.value));
  }
  return true;
}

void Reactor::stop_replaced(const Place& by, const std::string& says) {
  const auto& here = members_.claim().place;
  const auto what =
      by == here
          ? fmt::format("has another key, and is to be another machine at {}: this one stops",
                        place_text(here))
          : fmt::format("is at {} now, and this process listens at {}: it stops", place_text(by),
                        place_text(here));
  note(replica::NoteLevel::error,
       fmt::format("{} that server {} {}. Unless this is that machine, started with an old cluster "
                   "file, never start it again",
                   says, config_.self.value, what));
  replaced_by_another_ = true;
  stopping_ = true;
}

void Reactor::move_peer(ServerId peer) {
  if (peer == config_.self) return;
  const auto& server = members_.now().servers.at(peer.value);
  note(replica::NoteLevel::info, fmt::format("server {} was replaced: it is at {} now", peer.value,
                                             place_text(server.place())));
  prober_.forget(peer);
  resolving_.erase(peer);
  if (const auto address = resolve(server.host, server.peer_port, Names::refused)) {
    peers_[peer] = *address;
    links_.move(peer, address->endpoint);
    return;
  }
  // libzmq resolves the name by itself; a probe needs it resolved, and that may take its time.
  peers_.erase(peer);
  links_.move(peer, server.peer_endpoint());
  resolving_[peer] = std::async(std::launch::async, [host = server.host, port = server.peer_port] {
    return resolve(host, port);
  });
}

void Reactor::take_resolved() {
  for (auto one = resolving_.begin(); one != resolving_.end();) {
    if (one->second.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
      ++one;
      continue;
    }
    if (const auto address = one->second.get()) {
      peers_[one->first] = *address;
    } else {
      note(replica::NoteLevel::warning,
           fmt::format("server {}: {}", one->first.value, address.error().text));
    }
    one = resolving_.erase(one);
  }
}

void Reactor::note_difference() {
  auto difference = members_.difference();
  if (difference == std::exchange(difference_, difference) || difference.empty()) return;
  note(replica::NoteLevel::warning,
       fmt::format("the cluster file is behind the log, which counts: {}. `chat262ctl cluster` "
                   "prints a new file",
                   difference));
}

}  // namespace chat262::broker
