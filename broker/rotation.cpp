#include "broker/rotation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

#include "broker/key_change.hpp"
#include "broker/server_limits.hpp"

namespace chat262::broker {

using replica::clock_ms;

namespace {

constexpr std::int64_t ask_every_ms = 500;

}  // namespace

Rotation::Rotation(const Members& members, ServerId self, Node& node, const store::Tables& tables,
                   OwnKeys& own, std::filesystem::path data)
    : members_(members),
      self_(self),
      node_(node),
      tables_(tables),
      own_(own),
      data_(std::move(data)) {}

std::string Rotation::begin(const Request& request, Now now) {
  if (!members_.encrypted()) {
    return "the cluster's connections are not encrypted: there are no keys to change";
  }
  if (members_.key(self_) != own_.present().key) {
    return fmt::format(
        "the log says that server {} has another key than this process proves: see "
        "its log lines",
        self_.value);
  }
  if (own_.changes() > limits::key_changes_max) {
    return fmt::format(
        "server {} has changed its key {} times since it was started: start it again "
        "first",
        self_.value, limits::key_changes_max);
  }
  Changing changing;
  changing.pair = own_.next();
  changing.request = request;
  changing.request.body = request::RotateKeys{self_, changing.pair.key};
  changing.deadline = clock_ms(now.steady.value + limits::rotation_ms_max);
  // The disk may take its time.
  changing.writing = std::async(
      std::launch::async,
      [path = data_ / own_keys_file, keys = std::vector<KeyPair>{changing.pair, own_.present()},
       what = fmt::format("the secret keys of server {}, the newest first", self_.value)] {
        return replace_key_file(path, keys, what);
      });
  changing_ = std::move(changing);
  return "";
}

std::optional<Rotation::Result> Rotation::drive(
    Now now, const std::function<void(ServerId leader, const Request&)>& ask) {
  const auto end = [this](std::string why) {
    changing_.reset();
    return Result(tl::unexpected<Refusal>(Refusal{Status::unavailable, std::move(why)}));
  };
  auto& changing = *changing_;
  if (!changing.written) {
    if (changing.writing.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
      return std::nullopt;
    }
    if (const auto written = changing.writing.get(); !written) {
      return end("nothing was changed: " + written.error().text);
    }
    changing.written = true;
    own_.add_unused(changing.pair);
  }
  const auto& key = changing.pair.key;
  if (members_.key(self_) == key && own_.present().key == key) {
    reply::Rotated done{self_, key, {}};
    done.at.seq = members_.key_since(self_);
    if (const auto entry = node_.entry(done.at.seq)) done.at.epoch = entry->epoch;
    changing_.reset();
    return Result(done);
  }
  if (now.steady >= changing.deadline) {
    return end(
        fmt::format("the new key of server {} is not yet in the log: it may come to be, and "
                    "the server changes to it then. Ask again",
                    self_.value));
  }
  if (now.steady < changing.ask_at) return std::nullopt;
  changing.ask_at = clock_ms(now.steady.value + ask_every_ms);
  const auto leader = node_.summary(now.steady).leader;
  if (leader == self_) {
    static_cast<void>(append(changing.request, now));  // asked again if it cannot be now
  } else if (leader) {
    ask(*leader, changing.request);
  }
  return std::nullopt;
}

std::optional<replica::Clock> Rotation::next_deadline() const {
  if (!changing_) return std::nullopt;
  return std::min(changing_->ask_at, changing_->deadline);
}

std::string Rotation::append(const Request& request, Now now) {
  const auto& asked = std::get<request::RotateKeys>(request.body);
  const auto routing = node_.routing(now.steady);
  const auto* serve = std::get_if<replica::Serve>(&routing);
  if (serve == nullptr || !serve->writes) return "the leader cannot write now";
  if (members_.key(asked.server) == asked.key) return "";
  if (auto why = refused_key(members_, asked.server, asked.key, now); !why.empty()) return why;
  const auto time = std::max(now.wall, tables_.applied_time());
  node_.step(replica::Submit{key_entries(members_, asked.server, asked.key,
                                         {request.client, request.number}, time)},
             now.steady);
  return "";
}

}  // namespace chat262::broker
