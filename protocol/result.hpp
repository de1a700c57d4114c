// Result<T>: a value, or an error that says what is wrong. The one error type of all libraries.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace chat262 {

enum class Errc {
  malformed,       // bytes that do not decode
  too_large,       // over a limit of limits.hpp
  invalid,         // decodes, but breaks a rule (bad name, bad address, ...)
  not_found,       // no such file, record or entry
  in_use,          // data directory or address taken by another process
  wrong_identity,  // data belong to another cluster or server
  wrong_format,    // data of a newer (or unknown) format version
  corrupt,         // a checksum or the hash chain does not match
  disk_full,       // ENOSPC; nothing of the call was kept
  map_full,        // of LMDB, which can be enlarged; nothing of the call was kept; stays in store/
  io,              // EIO and the like: the process should end
  system           // any other failure of the operating system
};

struct Error {
  Errc code;
  std::string text;  // what, where, what to do; for people; holds no secret
};

template <class T>
using Result = tl::expected<T, Error>;

[[nodiscard]] inline tl::unexpected<Error> fail(Errc code, std::string text) {
  return tl::unexpected<Error>(Error{code, std::move(text)});
}

}  // namespace chat262
