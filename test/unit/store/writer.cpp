// Appends to the log of a data directory for ever, applies, writes behind, and says on standard
// output (eight bytes each) which seq is on disk. Made to be killed.
#include <unistd.h>

#include <iostream>

#include "store/log.hpp"
#include "store/tables.hpp"

namespace {

using namespace chat262;  // NOLINT

int give_up(const Error& error) {
  std::cerr << error.text << '\n';
  return 1;
}

Entry next_entry(Seq at, const Hash& previous) {
  const RequestId request{ClientId{{1}}, at.value};
  const RequestId first{ClientId{{1}}, 2};
  Entry entry;
  if (at.value == 1) {
    entry = make_view_entry({.leader = {}, .members = {{{}, {1, 1}}}});
  } else if (at.value == 2) {
    entry = make_operation_entry(
        {.request = request, .body = op::Register{account_id(first), "ann", "ann", "x"}}, {});
  } else {
    const AccountId ann = account_id(first);
    entry = make_operation_entry(
        {.request = request, .body = op::SendMessage{ann, message_id(request), ann, std::nullopt}},
        Bytes(300, 'x'));
  }
  entry.epoch = {1, {}};
  entry.seq = at;
  entry.hash = entry_hash(previous, entry);
  return entry;
}

}  // namespace

int main(int argc, char* argv[]) {
  if (argc != 2) return 2;
  store::LogOptions options;
  options.directory = argv[1];
  options.identity = {ClusterId{{7, 7, 7}}, server_id(2)};
  options.map_bytes = 256 << 20;
  options.incarnation_nonce = 99;
  options.ballast_bytes = 64 << 10;
  auto log = store::Log::open(options);
  if (!log) return give_up(log.error());
  auto tables = store::Tables::open({.directory = argv[1], .map_bytes = 256 << 20}, **log);
  if (!tables) return give_up(tables.error());
  const auto& tail = (*log)->start().tail;
  Hash previous = tail.empty() ? Hash{} : tail.back().hash;
  while ((*tables)->applied() < (*log)->last()) {
    const Seq next = (*tables)->applied().next();
    const auto entries = (*log)->read(next, next, 1);
    if (!entries) return give_up(entries.error());
    if (auto done = (*tables)->apply(entries->front()); !done) return give_up(done.error());
  }
  while (true) {
    store::LogWrite write;
    for (int i = 0; i < 10; ++i) {
      write.entries.push_back(next_entry(seq((*tables)->applied().value + 1), previous));
      previous = write.entries.back().hash;
      auto done = (*tables)->apply(write.entries.back());
      if (!done) return give_up(done.error());
    }
    if (auto done = (*log)->write({&write, 1}); !done) return give_up(done.error());
    const std::uint64_t last = (*log)->last().value;
    if (::write(STDOUT_FILENO, &last, sizeof last) != sizeof last) return 1;
    if (last % 50 == 0 && (*tables)->seal((*log)->last())) {
      if (auto done = (*tables)->write_behind(**log); !done) return give_up(done.error());
      (*tables)->settle();
    }
  }
}
