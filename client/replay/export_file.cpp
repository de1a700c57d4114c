#include "client/replay/export_file.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "client/replay/line_reader.hpp"
#include "client/replay/run.hpp"

namespace chat262::replay {

ExportFile::ExportFile(const std::filesystem::path& path) : path_(path) {
  if (std::filesystem::exists(path_)) read_before();
  file_.reset(std::fopen(path_.c_str(), "ab"));
  if (!file_) fail_write();
}

void ExportFile::fail_write() const {
  throw Failure{Exit::usage, "cannot write " + path_.string() + ": " + std::strerror(errno)};
}

void ExportFile::read_before() {
  LineReader reader(path_);
  std::uint64_t keep = 0;
  while (const auto line = reader.next()) {
    if (!line->complete) break;
    const auto record = line->too_long ? tl::unexpected(std::string("a line too long"))
                                       : parse_json_line(line->text);
    if (!record || record->seq == 0 || record->at.empty() || !record->conversation) {
      throw Failure{Exit::usage,
                    fmt::format("{}:{}: not written by an export{}; give another file with --to",
                                path_.string(), line->number,
                                record ? std::string() : " (" + record.error() + ")")};
    }
    keep = line->end;
    ++lines_before_;
    last_seq_ = std::max(last_seq_, record->seq);
    const auto& conversation = *record->conversation;
    Last& last = conversation.kind == client::Target::Kind::room
                     ? rooms_[conversation.name]
                     : direct_[{record->from, conversation.name}];
    if (record->seq >= last.seq) last = {record->seq, record->at};
  }
  std::error_code error;
  std::filesystem::resize_file(path_, keep, error);
  if (error) throw Failure{Exit::usage, "cannot write " + path_.string() + ": " + error.message()};
}

std::string ExportFile::last_at(const client::Target& conversation, const std::string& me) const {
  Last last;
  const auto consider = [&last](const auto& map, const auto& key) {
    const auto found = map.find(key);
    if (found != map.end() && found->second.seq > last.seq) last = found->second;
  };
  if (conversation.kind == client::Target::Kind::room) {
    consider(rooms_, conversation.name);
  } else {
    consider(direct_, std::pair(me, conversation.name));
    consider(direct_, std::pair(conversation.name, me));
  }
  return last.at;
}

void ExportFile::write(const Record& record) {
  const auto line = to_json_line(record);
  if (std::fwrite(line.data(), 1, line.size(), file_.get()) != line.size()) fail_write();
}

void ExportFile::close() {
  if (std::fflush(file_.get()) != 0 || fsync(fileno(file_.get())) != 0) fail_write();
  file_.reset();
}

}  // namespace chat262::replay
