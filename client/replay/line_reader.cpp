#include "client/replay/line_reader.hpp"

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace chat262::replay {

LineReader::LineReader(const std::filesystem::path& path)
    : path_(path), file_(std::fopen(path.c_str(), "rb")) {
  if (!file_) {
    throw std::runtime_error("cannot read " + path.string() + ": " + std::strerror(errno));
  }
  if (std::filesystem::is_directory(path)) {
    throw std::runtime_error("cannot read " + path.string() + ": it is a folder");
  }
}

std::optional<LineReader::Line> LineReader::next() {
  line_.clear();
  Line line;
  bool any = false;
  for (int c = 0; (c = getc_unlocked(file_.get())) != EOF;) {
    any = true;
    ++offset_;
    if (c == '\n') {
      line.complete = true;
      break;
    }
    if (line_.size() < line_bytes_max) {
      line_.push_back(static_cast<char>(c));
    } else {
      line.too_long = true;
    }
  }
  if (std::ferror(file_.get())) {
    throw std::runtime_error("reading " + path_.string() + " failed");
  }
  if (!any) return std::nullopt;
  line.text = line_;
  line.number = ++number_;
  line.end = offset_;
  return line;
}

}  // namespace chat262::replay
