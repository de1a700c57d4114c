// What the codecs refuse, and what they let pass. The vectors cover what is right.
#include <algorithm>

#include "protocol/codec.hpp"
#include "protocol/limits.hpp"
#include "samples.hpp"
#include "test/support/catch.hpp"

using namespace chat262;

namespace {

// Bytes of literals and of containers, one after the other.
Bytes join(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const Bytes& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

Bytes client_bin() {
  const auto id = samples::client();
  return join({{0xc4, 0x10}, Bytes(id.bytes.begin(), id.bytes.end())});
}

// A request with this version and operation, number 7, no token.
Bytes frame_of_request(const Bytes& version, const Bytes& operation, const Bytes& body) {
  return join({{0x96}, version, operation, client_bin(), {0x07, 0xc4, 0x00}, body});
}

Bytes text16(std::size_t size) {
  return join({{0xda, static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size)},
               Bytes(size, 'a')});
}

void check_refused(const Bytes& frame, Status status, std::uint64_t number) {
  const auto result = decode_request(frame);
  REQUIRE(!result);
  CHECK(result.error().status == status);
  CHECK(result.error().number == number);
  CHECK_FALSE(result.error().text.empty());
}

const Bytes hello_body = {0x90};
const Bytes create_room = {0x1e};

}  // namespace

TEST_CASE("another version is called that whatever follows, and its number is echoed") {
  check_refused(frame_of_request({0x02}, {0x00}, hello_body), Status::wrong_version, 7);
  check_refused(frame_of_request({0xcd, 0x01, 0x00}, {0x00}, hello_body), Status::wrong_version, 7);
  check_refused({0x91, 0x02}, Status::wrong_version, 0);
  check_refused({0x90}, Status::malformed, 0);
  // Of another arity, and broken behind the number.
  check_refused(join({{0x99, 0x02, 0x00}, client_bin(), {0x07, 0xc1}}), Status::wrong_version, 7);
}

TEST_CASE("an operation that does not exist is called that") {
  check_refused(frame_of_request({0x01}, {0x63}, hello_body), Status::unknown_operation, 7);
  check_refused(frame_of_request({0x01}, {0xcd, 0x01, 0x00}, {0xc0}), Status::unknown_operation, 7);
}

TEST_CASE("malformed requests are refused and their number echoed if it can be read") {
  check_refused({}, Status::malformed, 0);
  check_refused({0xc1}, Status::malformed, 0);
  check_refused({0x80}, Status::malformed, 0);
  check_refused({0xdd, 0xff, 0xff, 0xff, 0xff}, Status::malformed, 0);
  SECTION("elements of the wrong kind") {
    check_refused(frame_of_request({0xa1, '1'}, {0x00}, hello_body), Status::malformed, 0);
    check_refused(frame_of_request({0xff}, {0x00}, hello_body), Status::malformed, 0);
    check_refused(frame_of_request({0x01}, {0xc0}, hello_body), Status::malformed, 0);
  }
  SECTION("a client id of the wrong size") {
    check_refused({0x96, 0x01, 0x00, 0xc4, 0x01, 0xaa, 0x07, 0xc4, 0x00, 0x90}, Status::malformed,
                  7);
  }
  SECTION("a negative number") {
    check_refused(join({{0x96, 0x01, 0x00}, client_bin(), {0xff, 0xc4, 0x00, 0x90}}),
                  Status::malformed, 0);
  }
  SECTION("one element too few or too many") {
    check_refused(join({{0x95, 0x01, 0x00}, client_bin(), {0x07, 0xc4, 0x00}}), Status::malformed,
                  0);
    check_refused(join({{0x97, 0x01, 0x00}, client_bin(), {0x07, 0xc4, 0x00, 0x90, 0x90}}),
                  Status::malformed, 0);
  }
  SECTION("a body with an element too many, too few or of another type") {
    check_refused(frame_of_request({0x01}, {0x00}, {0x91, 0x00}), Status::malformed, 7);
    check_refused(frame_of_request({0x01}, create_room, {0x90}), Status::malformed, 7);
    check_refused(frame_of_request({0x01}, create_room, {0x91, 0xc4, 0x01, 'a'}), Status::malformed,
                  7);
    check_refused(frame_of_request({0x01}, create_room, {0x81, 0xa1, 'a', 0xc0}), Status::malformed,
                  7);
    check_refused(frame_of_request({0x01}, create_room, {0x91, 0xd4, 0x01, 0x00}),
                  Status::malformed, 7);
  }
  SECTION("text that is not UTF-8") {
    const std::vector<Bytes> bad = {{0xa1, 0xff},
                                    {0xa2, 0xc0, 0x80},
                                    {0xa3, 0xed, 0xa0, 0x80},
                                    {0xa4, 0xf4, 0x90, 0x80, 0x80},
                                    {0xa1, 0xc3}};
    for (const Bytes& text : bad) {
      check_refused(frame_of_request({0x01}, create_room, join({{0x91}, text})), Status::malformed,
                    7);
    }
  }
}

TEST_CASE("the text of a refusal says where the body is wrong") {
  const auto result = decode_request(
      frame_of_request({0x01}, {0x28}, {0x93, 0x92, 0x05, 0xa1, 'b', 0xa2, 'h', 'i', 0xc0}));
  REQUIRE(!result);
  CHECK(result.error().text == "body[0][0]: unknown code");
}

TEST_CASE("a frame over the limit is too large, one at the limit is not") {
  const auto frame_of = [](std::size_t size) {
    const std::size_t around =
        frame_of_request({0x01}, create_room, join({{0x91}, text16(0)})).size();
    return frame_of_request({0x01}, create_room, join({{0x91}, text16(size - around)}));
  };
  const Bytes largest = frame_of(limits::client_frame_bytes_max);
  REQUIRE(largest.size() == limits::client_frame_bytes_max);
  CHECK(decode_request(largest));
  check_refused(frame_of(limits::client_frame_bytes_max + 1), Status::too_large, 7);
  check_refused(Bytes(limits::client_frame_bytes_max + 1, 0xff), Status::too_large, 0);
}

TEST_CASE("a few bytes that promise much are refused without being believed") {
  for (const Bytes& body :
       {Bytes{0xdd, 0xff, 0xff, 0xff, 0xff}, Bytes{0xdc, 0xff, 0xff},
        Bytes{0xdb, 0xff, 0xff, 0xff, 0xff}, Bytes{0xc6, 0xff, 0xff, 0xff, 0xff},
        Bytes{0xdf, 0xff, 0xff, 0xff, 0xff}, Bytes{0xc9, 0xff, 0xff, 0xff, 0xff}}) {
    check_refused(frame_of_request({0x01}, {0x00}, body), Status::malformed, 7);
    CHECK_FALSE(decode_reply(join({{0x94, 0x01, 0x00, 0x07}, body}), request::Hello{}));
    CHECK_FALSE(decode_peer(body));
  }
}

TEST_CASE("nesting is bounded") {
  check_refused(frame_of_request({0x01}, {0x00}, join({Bytes(60000, 0x91), {0x90}})),
                Status::malformed, 7);
  CHECK_FALSE(decode_peer(join({Bytes(4000000, 0x91), {0x90}})));
}

TEST_CASE("long forms of numbers and strings are read too") {
  const auto result = decode_request(join({{0xdd, 0, 0, 0, 6, 0xcc, 1, 0xcd, 0, 30},
                                           client_bin(),
                                           {0xcf, 0, 0, 0, 0, 0, 0, 0, 7, 0xc5, 0, 0},
                                           {0xdc, 0, 1, 0xd9, 1, 'a'}}));
  REQUIRE(result);
  CHECK(result->number == 7);
  CHECK(std::get<request::CreateRoom>(result->body).name == "a");
}

// ---- replies

TEST_CASE("a client passes over what a newer server adds to a reply") {
  const Bytes account = join({{0xc4, 0x10}, Bytes(16, 0xaa)});
  const Bytes more = {0x92, 0x01, 0xa1, 'x'};
  const auto check = [&](const Bytes& frame) {
    const auto reply = decode_reply(frame, request::SearchAccounts{});
    REQUIRE(reply);
    const auto& body = std::get<reply::Accounts>(reply->body);
    REQUIRE(body.accounts.size() == 1);
    CHECK(body.accounts[0].name == "a");
    CHECK(body.more);
  };
  const Bytes start = {0x01, 0x00, 0x07};
  const Bytes item = join({account, {0xa1, 'a'}});
  check(join({{0x94}, start, {0x92, 0x91, 0x92}, item, {0xc3}}));
  check(join({{0x95}, start, {0x92, 0x91, 0x92}, item, {0xc3}, more}));
  check(join({{0x94}, start, {0x93, 0x91, 0x92}, item, {0xc3}, more}));
  check(join({{0x94}, start, {0x92, 0x91, 0x93}, item, more, {0xc3}}));
}

TEST_CASE("what a server of a lower feature level leaves out of a reply stays empty") {
  const Bytes start = {0x94, 0x01, 0x00, 0x07};
  const Bytes id = join({{0xc4, 0x10}, Bytes(16, 0xaa)});
  const auto registered = decode_reply(join({start, {0x91}, id}), request::Register{});
  REQUIRE(registered);
  CHECK(std::get<reply::Registered>(registered->body).name.empty());
  CHECK_FALSE(decode_reply(join({start, {0x90}}), request::Register{}));

  const Bytes message =
      join({id, {0xc4, 0x00, 0x05, 0x92, 0x00, 0xa1, 'b', 0xa1, 'b', 0xc0, 0xc2}, {0xa1, 't'}});
  const auto history =
      decode_reply(join({start, {0x92, 0x91, 0x98}, message, {0xc2}}), request::History{});
  REQUIRE(history);
  const auto& found = std::get<reply::History>(history->body).messages;
  REQUIRE(found.size() == 1);
  CHECK(found[0].text == "t");
  CHECK_FALSE(found[0].late);
  CHECK_FALSE(decode_reply(join({start, {0x92, 0x91, 0x97}, message, {0xc2}}), request::History{}));

  Bytes status = encode_reply({Status::ok, 7, reply::ServerStatus{}});
  REQUIRE(status[6] == 31);  // fields; the last is of level 3, the eight before, a byte each, of 2
  status[6] = 22;
  status.resize(status.size() - (2 + Hash{}.bytes.size()) - 8);
  CHECK(decode_reply(status, request::Status{}));
  status[6] = 21;
  status.pop_back();
  CHECK_FALSE(decode_reply(status, request::Status{}));
}

TEST_CASE("events of a kind that is not known are passed over") {
  const Bytes left = {0x95, 0x02, 0xc4, 0x00, 0x05, 0xa1, 'r', 0xa1, 'u'};
  const auto reply = decode_reply(join({{0x94, 0x01, 0x00, 0x07, 0x92, 0x93, 0x92, 0x09, 0xc0},
                                        left,
                                        {0x91, 0xcd, 0x01, 0x02},
                                        {0xc4, 0x00}}),
                                  request::Events{});
  REQUIRE(reply);
  const auto& body = std::get<reply::Events>(reply->body);
  REQUIRE(body.events.size() == 1);
  CHECK(std::get<event::Left>(body.events[0]).user == "u");
  CHECK_FALSE(
      decode_reply(Bytes{0x94, 0x01, 0x00, 0x07, 0x92, 0x91, 0x90, 0xc4, 0x00}, request::Events{}));
}

TEST_CASE("a status that is not known is taken for one of its range") {
  const auto status_of = [](std::uint8_t code) {
    const auto reply = decode_reply(
        Bytes{0x94, 0x01, code, 0x07, 0x94, 0xa1, 'x', 0xc0, 0x00, 0x90}, request::Hello{});
    REQUIRE(reply);
    CHECK(std::get<reply::ErrorBody>(reply->body).text == "x");
    return reply->status;
  };
  CHECK(status_of(9) == Status::unavailable);
  CHECK(status_of(19) == Status::malformed);
  CHECK(status_of(100) == Status::bad_argument);
}

TEST_CASE("a reply of another version is an error, unless it says just that") {
  const Bytes rest = {0x07, 0x94, 0xa1, 'x', 0xc0, 0x00, 0x90};
  const auto refused = decode_reply(join({{0x94, 0x02, 0x14}, rest}), request::Hello{});
  REQUIRE(!refused);
  CHECK(refused.error().code == Errc::invalid);
  const auto wrong = decode_reply(join({{0x94, 0x02, 0x0a}, rest}), request::Hello{});
  REQUIRE(wrong);
  CHECK(wrong->status == Status::wrong_version);
}

TEST_CASE("an ok reply has the body of the request it answers") {
  const Bytes done = encode_reply({Status::ok, 1, reply::Done{}});
  CHECK(decode_reply(done, request::LogOut{}));
  CHECK_FALSE(decode_reply(done, request::Send{}));
  const Bytes large(limits::reply_frame_bytes_max + 1, 0x00);
  CHECK(decode_reply(large, request::LogOut{}).error().code == Errc::too_large);
}

// ---- peers

TEST_CASE("peer frames of another version are told from malformed ones") {
  Bytes frame = encode_peer(samples::peer_messages().front().message, samples::cluster());
  frame[1] = 2;
  CHECK(decode_peer(frame).error().code == Errc::invalid);
  frame[1] = 0xc0;
  CHECK(decode_peer(frame).error().code == Errc::malformed);
  CHECK(decode_peer(Bytes(limits::peer_frame_bytes_max + 1)).error().code == Errc::too_large);
}

TEST_CASE("peer frames that name a server beyond the limit are malformed") {
  peer::Message message{server_id(limits::servers_max - 1), {1, 1}, {1, 1}, peer::Ask{1}};
  CHECK(decode_peer(encode_peer(message, samples::cluster())));
  message.from = server_id(limits::servers_max);
  CHECK(decode_peer(encode_peer(message, samples::cluster())).error().code == Errc::malformed);
  message.from = server_id(0);
  message.body = peer::Nack{{1, server_id(limits::servers_max)}};
  CHECK_FALSE(decode_peer(encode_peer(message, samples::cluster())));
}

TEST_CASE("unknown kinds and enumerators of peers are malformed") {
  const Bytes ask = encode_peer({server_id(0), {1, 1}, {1, 1}, peer::Ask{1}}, samples::cluster());
  Bytes unknown_kind = ask;
  REQUIRE(unknown_kind[unknown_kind.size() - 3] == 8);
  unknown_kind[unknown_kind.size() - 3] = std::variant_size_v<peer::Body>;
  CHECK_FALSE(decode_peer(unknown_kind));
  Bytes goodbye = encode_peer({server_id(0), {1, 1}, {1, 1}, peer::Goodbye{}}, samples::cluster());
  auto* reason = &goodbye[goodbye.size() - 5];
  REQUIRE(*reason == 0);
  *reason = 1;
  CHECK(decode_peer(goodbye));
  *reason = 2;
  CHECK_FALSE(decode_peer(goodbye));
}

TEST_CASE("a full page of the smallest entries fits into a peer frame, a full batch too") {
  Entry small = samples::entries()[2].entry;
  small.head.clear();
  small.text.clear();
  peer::Entries page;
  for (std::size_t bytes = 0; bytes < limits::batch_bytes_max; bytes += small.size_bytes()) {
    page.entries.push_back(small);
  }
  const peer::Message message{server_id(0), {1, 1}, {1, 1}, page};
  const Bytes frame = encode_peer(message, samples::cluster());
  CHECK(frame.size() < limits::peer_frame_bytes_max);
  const auto decoded = decode_peer(frame);
  REQUIRE(decoded);
  CHECK(decoded->message == message);
}

TEST_CASE("an entry over its limit is refused, one at its limit is not") {
  Entry entry = samples::entries()[7].entry;
  entry.text.assign(limits::entry_bytes_max - entry.head.size(), 'x');
  CHECK(decode_entry_record(seq(1), encode_entry_record(entry)));
  entry.text.push_back('x');
  CHECK_FALSE(decode_entry_record(seq(1), encode_entry_record(entry)));
}

// ---- cursors, fingerprints, which write

TEST_CASE("cursors keep a position, and the empty one is the beginning") {
  const Position place = samples::position(0x0102030405060708, 6, ~std::uint64_t{0});
  CHECK(read_cursor(make_cursor(place)) == place);
  CHECK(make_cursor(Position{}).empty());
  CHECK(read_cursor({}) == Position{});
}

TEST_CASE("what is no cursor is told") {
  const Cursor good = make_cursor(samples::position(1, 2, 3));
  for (std::size_t size = 1; size < good.size(); ++size) {
    CHECK_FALSE(read_cursor(ByteView(good.data(), size)));
  }
  Cursor longer = good;
  longer.push_back(0);
  CHECK_FALSE(read_cursor(longer));
  Cursor other_form = good;
  other_form[0] = 2;
  CHECK_FALSE(read_cursor(other_form));
  Cursor no_server = good;
  no_server[9] = limits::servers_max;
  CHECK_FALSE(read_cursor(no_server));
}

TEST_CASE("a fingerprint leaves out secrets and nothing else") {
  using namespace request;
  const auto same = [](const RequestBody& a, const RequestBody& b) {
    return fingerprint(a) == fingerprint(b);
  };
  CHECK(same(Register{"a", "one"}, Register{"a", "two"}));
  CHECK_FALSE(same(Register{"a", "one"}, Register{"b", "one"}));
  CHECK(same(LogIn{"a", "one", {1}}, LogIn{"a", "two", {2}}));
  CHECK_FALSE(same(LogIn{"a", "one", {1}}, LogIn{"b", "one", {1}}));
  CHECK(same(ChangePassword{"a", "b"}, ChangePassword{"c", "d"}));
  CHECK(same(DeleteAccount{"a"}, DeleteAccount{"b"}));
  CHECK_FALSE(same(CreateRoom{"a"}, JoinRoom{"a"}));
  CHECK_FALSE(same(LogOut{}, LogOutAll{}));
  const Target bob{TargetKind::user, "bob"};
  CHECK_FALSE(same(Send{bob, "a", std::nullopt}, Send{bob, "b", std::nullopt}));
  CHECK_FALSE(same(Send{bob, "a", std::nullopt}, Send{bob, "a", Original{"c", {}}}));
  CHECK_FALSE(same(Send{bob, "a", std::nullopt}, Send{{TargetKind::room, "bob"}, "a", {}}));
}

TEST_CASE("fingerprints stand in logs, so they never change") {
  CHECK(fingerprint(request::CreateRoom{"lobby"}) == 0xb3554b90790a9aa9);
}

TEST_CASE("what changes something is a write") {
  using namespace request;
  CHECK(is_write(LogIn{}));
  CHECK(is_write(MarkRead{}));
  CHECK(is_write(Send{}));
  CHECK_FALSE(is_write(Hello{}));
  CHECK_FALSE(is_write(request::Status{}));
  CHECK_FALSE(is_write(SearchAccounts{}));
  CHECK_FALSE(is_write(ListConversations{}));
  CHECK_FALSE(is_write(ListRooms{}));
  CHECK_FALSE(is_write(ListMembers{}));
  CHECK_FALSE(is_write(History{}));
  CHECK_FALSE(is_write(Events{}));
}
