// The files in protocol/vectors: read, and as they ought to be.
//
// A file holds blocks parted by blank lines; `#` begins a comment line:
//
//     vector NAME
//     meaning TEXT          (may be missing)
//     value [1, 0, ...]     (of MessagePack: the decoded bytes; h'..' is a bin)
//     hex 96 01 ...         (more lines follow indented)
#pragma once

#include <map>
#include <string>
#include <vector>

#include "protocol/ids.hpp"

namespace vectors {

using chat262::Bytes;
using chat262::ByteView;

// Bytes of each vector of a file, by name. Throws std::runtime_error on a file it cannot read.
[[nodiscard]] std::map<std::string, Bytes> read(const std::string& file);

// The text of one block of a file, as PROTOCOL.md quotes it.
[[nodiscard]] std::string block(const std::string& file, const std::string& name);

[[nodiscard]] std::vector<std::string> files();
// What a file must contain, made from the samples.
[[nodiscard]] std::string expected(const std::string& file);

[[nodiscard]] std::string path_of(const std::string& file);
[[nodiscard]] std::string contents(const std::string& path);

// The decoded form of one MessagePack object, read without the library that the codec uses.
[[nodiscard]] std::string notation(ByteView bytes);

}  // namespace vectors
