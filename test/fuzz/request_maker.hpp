// Requests out of the fuzzer's bytes: of every kind there is, with the few names, passwords, tokens
// and cursors that can mean something together. Fields are filled by their type, so that a new
// request needs nothing here.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/client_shapes.hpp"
#include "protocol/names.hpp"
#include "test/fuzz/fuzz.hpp"

namespace chat262::fuzz {

class RequestMaker {
 public:
  static constexpr std::size_t clients = 4;

  Request make(Choices& choices) {
    Request request;
    const std::size_t client = choices.below(clients);
    request.client.bytes[0] = static_cast<std::uint8_t>(client + 1);
    request.body = body_at(choices.below(bodies), choices, std::make_index_sequence<bodies>{});
    constexpr std::size_t odd_ones = 16;
    switch (choices.below(odd_ones)) {
      case 0:  // a repeat, or another request under its number
        request.number = numbers_[client];
        break;
      case 1:
        break;  // no number
      case 2:
        request.client = {};
        request.number = 1;
        break;
      default:
        request.number = ++numbers_[client];
    }
    request.token = token(choices.below(tokens));
    return request;
  }

  // A chat to begin with: some accounts, signed in, some of them in a room with a few messages.
  std::vector<Request> prologue() {
    std::vector<Request> requests;
    const auto add = [&](std::size_t client, bool signed_in, RequestBody body) {
      Request& request = requests.emplace_back();
      request.client.bytes[0] = static_cast<std::uint8_t>(client + 1);
      request.number = ++numbers_[client];
      if (signed_in) request.token = token(client + 1);
      request.body = std::move(body);
    };
    const std::array<std::string, 3> names = {"ann", "bob", "cat"};
    for (std::size_t i = 0; i < names.size(); ++i) {
      add(i, false, request::Register{names[i], "password one"});
      add(i, false, request::LogIn{names[i], "password one", token(i + 1)});
    }
    add(0, true, request::CreateRoom{"red"});
    add(1, true, request::JoinRoom{"red"});
    add(0, true, request::Send{{TargetKind::room, "red"}, "hello", {}});
    add(1, true, request::Send{{TargetKind::room, "red"}, "hello", {}});
    add(1, true, request::Send{{TargetKind::user, "cat"}, "hello", {}});
    return requests;
  }

  // Of a reply: a place that later requests may name.
  void remember(const Cursor& cursor) { cursors_[next_cursor_++ % cursors_.size()] = cursor; }

 private:
  static constexpr std::size_t bodies = std::variant_size_v<RequestBody>;
  static constexpr std::size_t tokens = 5;

  static Bytes token(std::size_t n) {
    if (n == 0) return {};
    return Bytes(limits::token_bytes, static_cast<std::uint8_t>(n));
  }

  template <std::size_t... I>
  RequestBody body_at(std::size_t index, Choices& choices, std::index_sequence<I...> /*all*/) {
    RequestBody body;
    static_cast<void>(((index == I && (fill(body.emplace<I>(), choices), true)) || ...));
    // Of names that are taken only the folded form: the reference chat knows no other.
    const auto only_folded = [](std::string& name) {
      if (const auto parsed = parse_name(name)) name = parsed->folded;
    };
    if (auto* account = std::get_if<request::Register>(&body)) only_folded(account->name);
    if (auto* room = std::get_if<request::CreateRoom>(&body)) only_folded(room->name);
    return body;
  }

  template <wire::Struct T>
  void fill(T& value, Choices& choices) {
    std::apply([&](auto&... field) { (fill(field, choices), ...); }, fields(wire::Shape{}, value));
  }
  template <wire::Counted T>
  void fill(T& value, Choices& choices) {
    fill(value.value, choices);
  }
  template <class T>
  void fill(std::optional<T>& value, Choices& choices) {
    if (choices.flip()) fill(value.emplace(), choices);
  }
  template <class T>
  requires std::is_enum_v<T>
  void fill(T& value, Choices& choices) {
    value = static_cast<T>(choices.below(static_cast<std::size_t>(wire::Last<T>::value) + 1));
  }
  template <std::integral T>
  void fill(T& value, Choices& choices) {
    constexpr std::array<T, 8> numbers = {T{0},   T{1},  T{2}, static_cast<T>(5),
                                          T{100}, T{16}, T{7}, std::numeric_limits<T>::max()};
    value = numbers[choices.below(numbers.size())];
  }
  template <wire::FixedBytes T>
  void fill(T& value, Choices& choices) {
    value.bytes.fill(static_cast<std::uint8_t>(choices.below(4)));
  }
  void fill(bool& value, Choices& choices) { value = choices.flip(); }
  void fill(std::string& value, Choices& choices) {
    static const std::array<std::string, 20> texts = {
        "ann", "bob", "cat", "dan", "red", "blue", "password one", "password two", "hello", "*",
        // What is found by another spelling, what is refused, what is long.
        "", "ANN", "r*d", "\xef\xac\x80", "a b", "x\x07", std::string(64, 'n'),
        std::string(65, 'n'), std::string(129, 'p'), std::string(12000, 't')};
    value = choices.of(texts);
  }
  void fill(Bytes& value, Choices& choices) {
    constexpr std::size_t forms = 12;
    const std::size_t form = choices.below(forms);
    if (form < tokens) {
      value = token(form);
    } else if (form < forms - 1) {
      value = cursors_[choices.below(cursors_.size())];
    } else {
      const ByteView raw = choices.bytes(choices.below(20));
      value.assign(raw.begin(), raw.end());
    }
  }

  std::array<std::uint64_t, clients> numbers_{};
  std::array<Cursor, 8> cursors_;
  std::size_t next_cursor_ = 0;
};

}  // namespace chat262::fuzz
