#include "client/replay/source.hpp"

#include <fmt/format.h>

#include <set>
#include <stdexcept>

#include "client/replay/irc_log.hpp"
#include "client/replay/json_lines.hpp"
#include "protocol/limits.hpp"

namespace chat262::replay {
namespace {

Format format_of(const std::filesystem::path& path) {
  const auto extension = path.extension().string();
  const bool json = extension == ".jsonl" || extension == ".ndjson" || extension == ".json";
  return json ? Format::json_lines : Format::irc;
}

// Empty if a server would take the message.
std::string over_a_limit(const SourceMessage& message) {
  if (message.text.size() > limits::text_bytes_max) {
    return fmt::format("a text of {} bytes; at most {} are allowed", message.text.size(),
                       limits::text_bytes_max);
  }
  if (message.author.size() > limits::author_bytes_max) {
    return fmt::format("an author of {} bytes; at most {} are allowed", message.author.size(),
                       limits::author_bytes_max);
  }
  return {};
}

}  // namespace

std::vector<SourceFile> source_files(const std::vector<std::filesystem::path>& paths,
                                     Format format) {
  std::vector<SourceFile> files;
  std::set<std::string> names;
  for (const auto& path : paths) {
    SourceFile file{path, path.filename().string(), format, 0};
    if (format == Format::by_name) file.format = format_of(path);
    LineReader check(path);
    if (file.format == Format::irc) {
      const auto date = date_in_file_name(file.name);
      if (!date) {
        throw std::runtime_error(path.string() +
                                 ": no date such as 2005-02-06 in the name of this IRC log "
                                 "(JSON Lines: use --format jsonl)");
      }
      file.midnight_ms = *date;
    }
    if (!names.insert(file.name).second) {
      throw std::runtime_error("two files are named " + file.name +
                               ": give them in two runs, one of them with --tag");
    }
    files.push_back(std::move(file));
  }
  return files;
}

std::optional<SourceMessage> SourceReader::next() {
  while (file_ < files_.size()) {
    if (!reader_) reader_ = std::make_unique<LineReader>(files_[file_].path);
    const auto line = reader_->next();
    if (!line) {
      reader_.reset();
      ++file_;
      continue;
    }
    ++counts_.lines;
    auto message = take(*line);
    if (!message) continue;
    message->file = file_;
    message->line = line->number;
    const auto wrong = over_a_limit(*message);
    if (!wrong.empty()) {
      problem(*line, wrong);
      continue;
    }
    ++counts_.messages;
    return message;
  }
  return std::nullopt;
}

std::optional<SourceMessage> SourceReader::take(const LineReader::Line& line) {
  if (line.too_long) {
    problem(line, fmt::format("a line of more than {} bytes", line_bytes_max));
    return std::nullopt;
  }
  const SourceFile& file = files_[file_];
  return file.format == Format::json_lines ? take_json(line) : take_irc(file, line);
}

std::optional<SourceMessage> SourceReader::take_irc(const SourceFile& file,
                                                    const LineReader::Line& line) {
  IrcLine parsed = parse_irc_line(line.text);
  switch (parsed.kind) {
    case IrcLineKind::message: {
      SourceMessage message;
      message.author = std::move(parsed.author);
      message.said_ms = file.midnight_ms + parsed.time_of_day_ms;
      message.text = std::move(parsed.text);
      return message;
    }
    case IrcLineKind::notice:
      ++counts_.notices;
      break;
    case IrcLineKind::empty:
      ++counts_.empty;
      break;
    case IrcLineKind::wordless:
      ++counts_.wordless;
      break;
    case IrcLineKind::unknown:
      problem(line, "a line of no known form");
      break;
  }
  return std::nullopt;
}

std::optional<SourceMessage> SourceReader::take_json(const LineReader::Line& line) {
  if (line.text.empty()) {
    ++counts_.empty;
    return std::nullopt;
  }
  auto record = parse_json_line(line.text);
  if (!record) {
    problem(line, record.error());
    return std::nullopt;
  }
  if (record->erased) {
    ++counts_.erased;
    return std::nullopt;
  }
  SourceMessage message;
  message.author = record->author();
  message.said_ms = record->said_ms();
  message.text = std::move(record->text);
  message.conversation = std::move(record->conversation);
  return message;
}

void SourceReader::problem(const LineReader::Line& line, std::string what) {
  ++counts_.unknown;
  if (problems_.size() >= problems_max) return;
  problems_.push_back(
      {fmt::format("{}:{}", files_[file_].path.string(), line.number), std::move(what)});
}

}  // namespace chat262::replay
