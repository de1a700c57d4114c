// The messages of a set of files, in order: the files as given, each from its first line.
//
// Reading a set twice gives the same messages with the same line numbers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chat262/client.hpp"
#include "client/replay/line_reader.hpp"

namespace chat262::replay {

enum class Format { by_name, irc, json_lines };

struct SourceFile {
  std::filesystem::path path;
  std::string name;  // the last part of the path: part of what names its messages for ever
  Format format = Format::irc;
  std::int64_t midnight_ms = 0;  // IRC: of the day in the file's name
};

struct SourceMessage {
  std::string author;
  std::int64_t said_ms = 0;
  std::string text;
  std::optional<client::Target> conversation;  // JSON Lines alone
  std::size_t file = 0;                        // index in the set
  std::uint64_t line = 0;
};

// What was in the lines read so far.
struct SourceCounts {
  std::uint64_t lines = 0;
  std::uint64_t messages = 0;
  std::uint64_t notices = 0;
  std::uint64_t empty = 0;
  std::uint64_t wordless = 0;  // messages without a text
  std::uint64_t erased = 0;    // JSON Lines: the text is gone
  std::uint64_t unknown = 0;   // of no known form, or breaking a limit: see SourceReader::problems
};

struct SourceProblem {
  std::string where;  // path:line
  std::string what;
};

// `.jsonl`, `.ndjson` and `.json` are JSON Lines, others IRC logs. Throws std::runtime_error with a
// text for people: no file, an IRC log without a date in its name, two files of one name.
[[nodiscard]] std::vector<SourceFile> source_files(const std::vector<std::filesystem::path>& paths,
                                                   Format format);

class SourceReader {
 public:
  static constexpr std::size_t problems_max = 1000;

  // `files` must live as long as the reader.
  explicit SourceReader(const std::vector<SourceFile>& files) : files_(files) {}

  // nullopt after the last one. Throws std::runtime_error if a file cannot be read.
  std::optional<SourceMessage> next();

  [[nodiscard]] const SourceCounts& counts() const { return counts_; }
  // The first problems_max lines that were counted as unknown.
  [[nodiscard]] const std::vector<SourceProblem>& problems() const { return problems_; }

 private:
  std::optional<SourceMessage> take(const LineReader::Line& line);
  std::optional<SourceMessage> take_irc(const SourceFile& file, const LineReader::Line& line);
  std::optional<SourceMessage> take_json(const LineReader::Line& line);
  void problem(const LineReader::Line& line, std::string what);

  const std::vector<SourceFile>& files_;
  std::size_t file_ = 0;
  std::unique_ptr<LineReader> reader_;
  SourceCounts counts_;
  std::vector<SourceProblem> problems_;
};

}  // namespace chat262::replay
