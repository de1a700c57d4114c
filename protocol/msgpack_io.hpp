// MessagePack in and out. Internal to the codec_*.cpp files, the only ones that include msgpack.
//
// A struct's shape is stated once, as fields(Shape, m), a tie of its members in wire order; Writer
// and Reader both follow it, so that they cannot disagree. On the wire a struct is an array.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <limits>
#include <msgpack.hpp>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <variant>
#include <vector>

#include "protocol/entry.hpp"
#include "protocol/ids.hpp"
#include "protocol/limits.hpp"
#include "protocol/utf8.hpp"

namespace chat262::wire {

// First argument of fields(): lets the templates below find the overloads declared after them.
struct Shape {};

// `T` is `M` or `const M`.
template <class T, class M>
concept Like = std::same_as<std::remove_const_t<T>, M>;

template <class T>
concept Struct = requires(T& value) {
  fields(Shape{}, value);
};

// How many fields of T servers of the first feature level send; the rest may be missing in a reply.
template <class T>
inline constexpr std::size_t fields_at_least = std::numeric_limits<std::size_t>::max();

// How many fields at the end of T came with a later version, in requests and operations, which are
// read exactly. Those behind the last one that holds something are left out: what holds nothing new
// is written as it always was, and read by who knows no better.
template <class T>
inline constexpr std::size_t later_fields = 0;

// A Seq, ServerId, TimeMs, ...
template <class T>
concept Counted = requires(T& value) {
  requires std::integral<decltype(value.value)>;
};

// An Id<...> or a Hash: a fixed number of bytes.
template <class T>
concept FixedBytes = requires(T& value) {
  { value.bytes.size() } -> std::convertible_to<std::size_t>;
}
&&!Struct<T>;

// The highest enumerator: whatever is above it does not decode.
template <class E>
struct Last;

// The layout of an entry in the log and in peer messages (codec_entry.cpp).
void append_record(Bytes& out, const Entry& entry);
[[nodiscard]] std::size_t record_size(const Entry& entry);
[[nodiscard]] bool parse_record(ByteView record, Entry& entry);

// ---- out

class Writer {
 public:
  explicit Writer(Bytes& out) : out_(out), sink_{out}, packer_(sink_) {}

  void array(std::size_t count) { packer_.pack_array(static_cast<std::uint32_t>(count)); }
  void put(bool value) { value ? packer_.pack_true() : packer_.pack_false(); }
  template <std::unsigned_integral T>
  requires(!std::same_as<T, bool>) void put(T value) { packer_.pack_uint64(value); }
  template <std::signed_integral T>
  void put(T value) {
    packer_.pack_int64(value);
  }
  template <class E>
  requires std::is_enum_v<E>
  void put(E value) { put(static_cast<std::underlying_type_t<E>>(value)); }
  template <Counted T>
  void put(const T& value) {
    put(value.value);
  }
  template <FixedBytes T>
  void put(const T& value) {
    put_bin(value.bytes);
  }
  // Empty if there is none.
  void put(const PublicKey& key) { put_bin(key.empty() ? ByteView() : ByteView(key.bytes)); }
  void put(const std::string& text) {
    const auto size = static_cast<std::uint32_t>(text.size());
    packer_.pack_str(size);
    packer_.pack_str_body(text.data(), size);
  }
  void put(const Bytes& bytes) { put_bin(bytes); }
  template <class T>
  void put(const std::optional<T>& value) {
    value ? put(*value) : nil();
  }
  template <class T>
  void put(const std::vector<T>& values) {
    array(values.size());
    for (const T& value : values) put(value);
  }
  // [index, value]
  template <class A, class B>
  void put(const std::variant<A, B>& either) {
    array(2);
    put(static_cast<std::uint8_t>(either.index()));
    std::visit([&](const auto& value) { put(value); }, either);
  }
  template <Struct T>
  void put(const T& value) {
    std::apply(
        [this](const auto&... field) {
          std::size_t count = sizeof...(field);
          if constexpr (later_fields < T >> 0) {
            count -= later_fields<T>;
            std::size_t place = 0;
            ((++place > count && !holds_nothing(field) ? void(count = place) : void()), ...);
          }
          this->array(count);
          std::size_t place = 0;
          ((place++ < count ? this->put(field) : void()), ...);
        },
        fields(Shape{}, value));
  }
  // [seq, record]
  void put(const Entry& entry) {
    array(2);
    put(entry.seq);
    packer_.pack_bin(static_cast<std::uint32_t>(record_size(entry)));
    append_record(out_, entry);
  }
  void nil() { packer_.pack_nil(); }
  void put_bin(ByteView bytes) {
    const auto size = static_cast<std::uint32_t>(bytes.size());
    packer_.pack_bin(size);
    sink_.write(reinterpret_cast<const char*>(bytes.data()), size);
  }

 private:
  template <class T>
  static bool holds_nothing(const T& field) {
    return field == T{};
  }

  struct Sink {
    Bytes& out;
    void write(const char* data, std::size_t size) { out.insert(out.end(), data, data + size); }
  };

  Bytes& out_;
  Sink sink_;
  msgpack::packer<Sink> packer_;
};

// ---- in

// How to judge what comes in. Requests, peer messages and entries are exact. Replies may be of a
// newer server: extra elements at the end of an array are passed over; or of an older one: those
// that came with a higher feature level may be missing, and stay as they are.
enum class Manner { exact, tolerant };

// Reads parsed objects into values. After a false, `where()` says where it went wrong.
class Reader {
 public:
  explicit Reader(Manner manner) : manner_(manner) {}

  [[nodiscard]] const std::string& where() const { return where_; }

  bool get(const msgpack::object& in, bool& out) {
    if (in.type != msgpack::type::BOOLEAN) return bad("a boolean expected");
    out = in.via.boolean;
    return true;
  }
  template <std::unsigned_integral T>
  requires(!std::same_as<T, bool>) bool get(const msgpack::object& in, T& out) {
    if (in.type != msgpack::type::POSITIVE_INTEGER || in.via.u64 > std::numeric_limits<T>::max()) {
      return bad("an unsigned integer of at most " + std::to_string(sizeof(T)) + " bytes expected");
    }
    out = static_cast<T>(in.via.u64);
    return true;
  }
  bool get(const msgpack::object& in, std::int64_t& out) {
    if (in.type == msgpack::type::NEGATIVE_INTEGER) {
      out = in.via.i64;
      return true;
    }
    constexpr std::uint64_t highest = std::numeric_limits<std::int64_t>::max();
    if (in.type != msgpack::type::POSITIVE_INTEGER || in.via.u64 > highest) {
      return bad("an integer expected");
    }
    out = static_cast<std::int64_t>(in.via.u64);
    return true;
  }
  template <class E>
  requires std::is_enum_v<E>
  bool get(const msgpack::object& in, E& out) {
    std::underlying_type_t<E> code{};
    if (!get(in, code)) return false;
    if (code > static_cast<std::underlying_type_t<E>>(Last<E>::value)) return bad("unknown code");
    out = static_cast<E>(code);
    return true;
  }
  template <Counted T>
  bool get(const msgpack::object& in, T& out) {
    return get(in, out.value);
  }
  bool get(const msgpack::object& in, ServerId& out) {
    if (!get(in, out.value)) return false;
    if (manner_ == Manner::exact && out.value >= limits::servers_max) return bad("no such server");
    return true;
  }
  template <FixedBytes T>
  bool get(const msgpack::object& in, T& out) {
    if (in.type != msgpack::type::BIN || in.via.bin.size != out.bytes.size()) {
      return bad("a bin of " + std::to_string(out.bytes.size()) + " bytes expected");
    }
    std::copy_n(in.via.bin.ptr, out.bytes.size(), reinterpret_cast<char*>(out.bytes.data()));
    return true;
  }
  bool get(const msgpack::object& in, PublicKey& out) {
    out = PublicKey{};
    if (in.type != msgpack::type::BIN || (in.via.bin.size != 0 && in.via.bin.size != out.size)) {
      return bad("a bin of 32 bytes, or an empty one, expected");
    }
    std::copy_n(in.via.bin.ptr, in.via.bin.size, reinterpret_cast<char*>(out.bytes.data()));
    return in.via.bin.size == 0 || !out.empty() || bad("not a key");
  }
  bool get(const msgpack::object& in, std::string& out) {
    if (in.type != msgpack::type::STR) return bad("a str expected");
    if (!detail::valid_utf8({in.via.str.ptr, in.via.str.size})) return bad("not UTF-8");
    out.assign(in.via.str.ptr, in.via.str.size);
    return true;
  }
  bool get(const msgpack::object& in, Bytes& out) {
    if (in.type != msgpack::type::BIN) return bad("a bin expected");
    out.assign(in.via.bin.ptr, in.via.bin.ptr + in.via.bin.size);
    return true;
  }
  template <class T>
  bool get(const msgpack::object& in, std::optional<T>& out) {
    out.reset();
    if (in.type == msgpack::type::NIL) return true;
    return get(in, out.emplace());
  }
  template <class T>
  bool get(const msgpack::object& in, std::vector<T>& out) {
    if (in.type != msgpack::type::ARRAY) return bad("an array expected");
    out.clear();
    out.reserve(in.via.array.size);
    for (std::uint32_t i = 0; i < in.via.array.size; ++i) {
      if (!get(in.via.array.ptr[i], out.emplace_back())) return at(i);
    }
    return true;
  }
  template <class A, class B>
  bool get(const msgpack::object& in, std::variant<A, B>& out) {
    std::uint8_t index = 0;
    if (!arity(in, 2) || !get(in.via.array.ptr[0], index)) return false;
    if (index > 1) return bad("unknown code");
    return index == 0 ? get(in.via.array.ptr[1], out.template emplace<0>())
                      : get(in.via.array.ptr[1], out.template emplace<1>());
  }
  template <Struct T>
  bool get(const msgpack::object& in, T& out) {
    return get_tail(in, 0, out);
  }
  // The fields of `out` stand in array `in` from element `first` on.
  template <Struct T>
  bool get_tail(const msgpack::object& in, std::uint32_t first, T& out) {
    return std::apply(
        [&](auto&... field) {
          constexpr std::size_t all = sizeof...(field);
          const std::size_t needed =
              manner_ == Manner::tolerant ? std::min(all, fields_at_least<T>) : all;
          const bool older = later_fields<T> > 0 && in.type == msgpack::type::ARRAY &&
                             in.via.array.size + later_fields<T> >= first + all &&
                             in.via.array.size < first + all;
          if (!older && !arity(in, first + needed)) return false;
          std::uint32_t i = first;
          return (
              (i >= in.via.array.size || (get(in.via.array.ptr[i], field) ? (++i, true) : at(i))) &&
              ...);
        },
        fields(Shape{}, out));
  }
  bool get(const msgpack::object& in, Entry& out) {
    if (!arity(in, 2) || !get(in.via.array.ptr[0], out.seq)) return false;
    const msgpack::object& record = in.via.array.ptr[1];
    if (record.type != msgpack::type::BIN) return bad("a bin expected");
    const auto* data = reinterpret_cast<const std::uint8_t*>(record.via.bin.ptr);
    return parse_record({data, record.via.bin.size}, out) || bad("not an entry record");
  }
  bool arity(const msgpack::object& in, std::size_t count) {
    if (in.type != msgpack::type::ARRAY) return bad("an array expected");
    const std::size_t size = in.via.array.size;
    if (size == count || (size > count && manner_ == Manner::tolerant)) return true;
    return bad("an array of " + std::to_string(count) + " expected, not of " +
               std::to_string(size));
  }
  bool bad(std::string what) {
    where_ = ": " + std::move(what);
    return false;
  }
  bool at(std::size_t index) {
    where_ = "[" + std::to_string(index) + "]" + where_;
    return false;
  }

 private:
  Manner manner_;
  std::string where_;
};

// Parses one object at `offset` of `data` and moves `offset` behind it; false if there is none or
// it is over a limit. Strings and bins refer to `data`, all else lives in `zone`. Never throws.
[[nodiscard]] inline bool parse(ByteView data, std::size_t& offset, std::size_t array_max,
                                msgpack::zone& zone, msgpack::object& out) {
  constexpr std::size_t depth_max = 8;
  const std::size_t bytes_max = data.size();
  // A map is nowhere allowed, an ext neither; an element takes at least a byte.
  const msgpack::unpack_limit limit(std::min(array_max, data.size()), 0, bytes_max, bytes_max, 0,
                                    depth_max);
  const auto refer = [](msgpack::type::object_type, std::size_t, void*) { return true; };
  try {
    bool referenced = false;
    out = msgpack::unpack(zone, reinterpret_cast<const char*>(data.data()), data.size(), offset,
                          referenced, refer, nullptr, limit);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

// As parse(), and there must be nothing before or behind the object.
[[nodiscard]] inline bool parse_all(ByteView data, std::size_t array_max, msgpack::zone& zone,
                                    msgpack::object& out) {
  std::size_t offset = 0;
  return parse(data, offset, array_max, zone, out) && offset == data.size();
}

// ---- shapes that requests, replies, peer messages and heads share

auto fields(Shape, Like<Epoch> auto& m) {
  return std::tie(m.counter, m.server);
}
auto fields(Shape, Like<Incarnation> auto& m) {
  return std::tie(m.counter, m.nonce);
}
auto fields(Shape, Like<Member> auto& m) {
  return std::tie(m.server, m.incarnation);
}
auto fields(Shape, Like<View> auto& m) {
  return std::tie(m.leader, m.members, m.forced);
}
auto fields(Shape, Like<Position> auto& m) {
  return std::tie(m.epoch, m.seq);
}
auto fields(Shape, Like<Place> auto& m) {
  return std::tie(m.host, m.client_port, m.peer_port);
}

}  // namespace chat262::wire
