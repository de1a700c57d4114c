// Identifiers as text, and the memory of a subscription.
#include "chat262/client.hpp"
#include "client/subscription.hpp"
#include "test/support/catch.hpp"

namespace chat262::client {

TEST_CASE("a request id survives being written down") {
  const RequestId id{.client = std::string("\x00\xff"
                                           "0123456789abcd",
                                           16),
                     .number = 262};
  CHECK(to_text(id) == "00ff3031323334353637383961626364:262");
  const auto again = request_from_text(to_text(id));
  REQUIRE(again);
  CHECK(again->client == id.client);
  CHECK(again->number == id.number);
}

TEST_CASE("what is no request id is not taken for one") {
  for (const char* text :
       {"", ":", "00:1", "00ff3031323334353637383961626364",
        "00ff3031323334353637383961626364:", "00ff3031323334353637383961626364:0",
        "00ff3031323334353637383961626364:1x", "0gff3031323334353637383961626364:1",
        "00ff3031323334353637383961626364:18446744073709551616"}) {
    CHECK_FALSE(request_from_text(text).has_value());
  }
}

TEST_CASE("hexadecimal digits and back") {
  CHECK(hex("") == "");
  CHECK(hex(std::string("\x00\x7f\x80\xff", 4)) == "007f80ff");
  CHECK(unhex("007F80fF") == std::string("\x00\x7f\x80\xff", 4));
  CHECK_FALSE(unhex("0").has_value());
  CHECK_FALSE(unhex("zz").has_value());
}

TEST_CASE("addresses are numbered in the order given") {
  const auto servers = servers_from({"127.14.0.1", "[::1]:2000"});
  REQUIRE(servers.size() == 2);
  CHECK(servers[0].server == 0);
  CHECK(servers[0].endpoint == "tcp://127.14.0.1:26262");
  CHECK(servers[1].endpoint == "tcp://[::1]:2000");
  CHECK_THROWS_AS(servers_from({"host:port:more"}), std::invalid_argument);
}

TEST_CASE("a message that came again is known, until too many others have come") {
  RecentIds recent;
  const auto id = [](std::size_t n) {
    MessageId message;
    message.bytes[0] = static_cast<std::uint8_t>(n);
    message.bytes[1] = static_cast<std::uint8_t>(n >> 8U);
    message.bytes[15] = 1;
    return message;
  };
  CHECK(recent.add(id(0)));
  CHECK_FALSE(recent.add(id(0)));
  for (std::size_t n = 1; n < RecentIds::ids_max; ++n) CHECK(recent.add(id(n)));
  CHECK_FALSE(recent.add(id(0)));
  CHECK(recent.add(id(RecentIds::ids_max)));
  CHECK(recent.add(id(0)));
}

}  // namespace chat262::client
