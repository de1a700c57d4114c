// Servers that are replaced by other machines.
#include <fstream>

#include "merge.hpp"
#include "store/replaced_file.hpp"

namespace chat262::store::test {

namespace {

const ClusterId here{{7, 7, 7}};

Place place(const std::string& host) {
  return {host, 26262, 26263};
}

op::ReplaceServer replace(unsigned server, const std::string& host) {
  return {here, server_id(server), place(host)};
}

}  // namespace

TEST_CASE("The last replacement of a server stands, and how often there was one is counted") {
  History history;
  history.view(1);
  history.operation(replace(2, "a"));
  history.operation(replace(0, "x"));
  const Entry again = history.operation(replace(2, "b"));
  history.operation(replace(2, "b"));  // said twice
  const Applied a(history);
  const auto found = a->replaced();
  REQUIRE(found.size() == 2);
  CHECK(found[0] == ReplacedServer{server_id(0), here, 1, place("x"), seq(3)});
  CHECK(found[1] == ReplacedServer{server_id(2), here, 2, place("b"), again.seq});
}

TEST_CASE("A machine with another key at the same place is another machine") {
  History history;
  history.view(1);
  history.operation(op::SetServerKey{here, server_id(2), PublicKey{{1}}});
  history.operation(replace(2, "a"));
  history.operation(replace(2, "a"));  // said twice
  CHECK(Applied(history)->replaced().at(0).times == 1);
  history.operation(op::SetServerKey{here, server_id(2), PublicKey{{2}}});
  history.operation(op::SetServerKey{here, server_id(1), PublicKey{{3}}});
  const Entry again = history.operation(replace(2, "a"));
  CHECK(Applied(history)->replaced() ==
        std::vector{ReplacedServer{server_id(2), here, 2, place("a"), again.seq}});
}

TEST_CASE("A replacement is kept on disk, and undone with its entry") {
  const TempDir dir;
  const auto log = open_log(dir.path());
  History history;
  history.view(1);
  history.operation(replace(2, "a"));
  write_all(*log, history);
  {
    const auto tables = open_tables(dir.path(), *log);
    apply_all(*tables, history);
    flush(*tables, *log, history.last());
    History longer = history;
    longer.operation(replace(2, "b"));
    apply_all(*tables, longer);
    CHECK(tables->replaced().at(0).place == place("b"));
    must(tables->revert_to(history.last()));
    CHECK(tables->replaced().at(0).place == place("a"));
  }
  CHECK(open_tables(dir.path(), *log)->replaced().at(0).place == place("a"));
}

TEST_CASE("In another cluster's log a replacement begins anew") {
  History history;
  history.view(1);
  history.operation(replace(2, "a"));
  const ClusterId there{{8}};
  history.operation(op::ReplaceServer{there, server_id(2), place("a")});
  const Applied a(history);
  CHECK(a->replaced() ==
        std::vector{ReplacedServer{server_id(2), there, 1, place("a"), history.last()}});
}

TEST_CASE("A replacement without a place is malformed") {
  History history;
  history.view(1);
  const Entry nowhere = history.operation(replace(2, ""));
  const Entry no_port = history.operation(op::ReplaceServer{here, server_id(2), {"a", 0, 1}});
  const Entry no_cluster = history.operation(op::ReplaceServer{{}, server_id(2), place("a")});
  const Applied a(history);
  for (const auto& entry : {nowhere, no_port, no_cluster}) {
    CHECK(a.outcome(entry) == Status::malformed);
  }
  CHECK(a->replaced().empty());
}

TEST_CASE("Of two machines that a split gave one number, that of the history that goes on stays") {
  Split s;
  s.part();
  const Entry ours = s.left.operation(replace(2, "left"));
  const Entry theirs = s.right.operation(replace(2, "right"));
  const History history = merge(s, s.left, s.right);
  const Applied a(history);
  CHECK(a.outcome(ours) == Status::ok);
  CHECK(a.outcome(theirs) == Status::ok);
  // The other machine has been told that it is the first one.
  CHECK(a->replaced() ==
        std::vector{ReplacedServer{server_id(2), here, 2, place("left"), ours.seq}});
}

TEST_CASE("A replacement that only the other side of a split made is made here") {
  Split s;
  s.shared.operation(replace(2, "first"));
  s.part();
  s.right.operation(replace(2, "second"));
  s.right.operation(replace(1, "other"));
  const History history = merge(s, s.left, s.right);
  const Applied a(history);
  const auto found = a->replaced();
  REQUIRE(found.size() == 2);
  CHECK(found[0].place == place("other"));
  CHECK(found[1].place == place("second"));
  CHECK(found[1].times == 2);
}

TEST_CASE("A server's newest key stands, with the one before it") {
  const PublicKey first{{1}};
  const PublicKey second{{2}};
  History history;
  history.view(1);
  history.operation(op::SetServerKey{here, server_id(1), first});
  history.operation(op::SetServerKey{here, server_id(1), first});  // said twice
  const Entry none = history.operation(op::SetServerKey{here, server_id(1), {}});
  const Entry again = history.operation(op::SetServerKey{here, server_id(1), second});
  const Applied a(history);
  CHECK(a.outcome(none) == Status::malformed);
  const auto keys = a->server_keys();
  REQUIRE(keys.size() == 1);
  CHECK(keys[0].server == server_id(1));
  CHECK(keys[0].cluster == here);
  CHECK(keys[0].key == second);
  CHECK(keys[0].before == first);
  CHECK(keys[0].at == again.seq);
  const ClusterId there{{8}};
  history.operation(op::SetServerKey{there, server_id(1), first});
  CHECK(Applied(history)->server_keys().at(0).before == PublicKey{});
}

TEST_CASE("Of two keys that a split gave one server, that of the history that goes on stays") {
  Split s;
  s.part();
  s.left.operation(op::SetServerKey{here, server_id(1), PublicKey{{1}}});
  s.right.operation(op::SetServerKey{here, server_id(1), PublicKey{{2}}});
  s.right.operation(op::SetServerKey{here, server_id(2), PublicKey{{3}}});
  const History history = merge(s, s.left, s.right);
  const auto keys = Applied(history)->server_keys();
  REQUIRE(keys.size() == 2);
  CHECK(keys[0].key == PublicKey{{1}});
  CHECK(keys[1].key == PublicKey{{3}});
}

TEST_CASE("The file for the start holds what was written, or nothing") {
  const TempDir dir;
  CHECK(read_replaced_file(dir.path()).empty());
  const std::vector<ReplacedServer> all{
      {server_id(0), here, 3, {"fe80::1", 1, 2}, seq(77)},
      {server_id(2), ClusterId{{0xab}}, 1, place("node.example"), seq(5)}};
  must(write_replaced_file(dir.path(), all));
  CHECK(read_replaced_file(dir.path()) == all);
  must(write_replaced_file(dir.path(), {}));
  CHECK(read_replaced_file(dir.path()).empty());
  must(write_replaced_file(dir.path(), all));
  std::string text;
  std::getline(std::ifstream(dir / "replaced"), text, '\0');
  for (std::size_t size = 0; size + 1 < text.size(); ++size) {
    std::ofstream(dir / "replaced", std::ios::trunc) << text.substr(0, size);
    CHECK(read_replaced_file(dir.path()).empty());
  }
}

}  // namespace chat262::store::test
