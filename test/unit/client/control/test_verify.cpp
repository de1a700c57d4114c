#include "client/control/verify.hpp"
#include "test/support/catch.hpp"

using namespace chat262;
using namespace chat262::control;

namespace {

reply::Scrub scrubbed(unsigned server, std::uint64_t found, std::uint64_t repaired) {
  reply::Scrub scrub;
  scrub.server = server_id(server);
  scrub.pass = 1;
  scrub.ended = true;
  scrub.entries = scrub.last = 100;
  scrub.found = found;
  scrub.repaired = repaired;
  return scrub;
}

Verification three(bool scrubs) {
  Verification found;
  found.scrubs = scrubs;
  for (unsigned i = 0; i < 3; ++i) {
    Verification::Row row;
    row.server = i;
    row.up = true;
    row.compared_at = 100;
    row.status.scrub_passes = 1;
    row.status.scrub_entries = 90;
    if (scrubs) row.pass = 1;
    if (scrubs) row.scrub = scrubbed(i, 0, 0);
    found.rows.push_back(row);
  }
  return found;
}

}  // namespace

TEST_CASE(
    "a cluster is whole when every server has read all of it and what was damaged is repaired") {
  Verification found = three(true);
  CHECK(found.verdict() == Exit::ok);
  found.rows[1].scrub = scrubbed(1, 2, 2);
  CHECK(found.verdict() == Exit::ok);
  CHECK(verification_text(found).find("server 1: 100 entries read, 2 damaged, 2 repaired") !=
        std::string::npos);
  found.rows[1].scrub = scrubbed(1, 2, 1);
  CHECK(found.verdict() == Exit::degraded);
  found = three(true);
  found.rows[2].scrub->ended = false;
  CHECK(found.verdict() == Exit::degraded);
  found = three(true);
  found.rows[2].scrub.reset();
  found.rows[2].scrub_why = "server 2 is not heard by server 0";
  CHECK(found.verdict() == Exit::degraded);
  CHECK(verification_text(found).find("server 2: was not read: server 2 is not heard") !=
        std::string::npos);
}

TEST_CASE("damaged tables are whole again when they were made anew and have caught up") {
  Verification found = three(true);
  auto& scrub = *found.rows[0].scrub;
  scrub.tables_found = true;
  CHECK(found.verdict() == Exit::degraded);
  scrub.tables_rebuilt = 1;
  scrub.tables_ready = false;
  CHECK(found.verdict() == Exit::degraded);
  CHECK(verification_text(found).find("tables damaged and being made anew") != std::string::npos);
  scrub.tables_ready = true;
  CHECK(found.verdict() == Exit::ok);
  CHECK(verification_text(found).find("tables damaged and made anew") != std::string::npos);
}

TEST_CASE("a server that was started again since is told to begin again") {
  Verification::Row row;
  CHECK_FALSE(take_scrub(row, scrubbed(0, 0, 0), true));
  CHECK(row.pass == 1);
  CHECK(row.scrubbed());
  row.pass = 2;
  CHECK(take_scrub(row, scrubbed(0, 0, 0), false));
  CHECK_FALSE(row.scrubbed());
}

TEST_CASE("without a control socket it says that nobody was told to read") {
  const Verification found = three(false);
  CHECK(found.verdict() == Exit::ok);
  const auto text = verification_text(found);
  CHECK(text.find("90 entries verified, 0 damaged, 0 repaired") != std::string::npos);
  CHECK(text.find("no server was told to read") != std::string::npos);
}
