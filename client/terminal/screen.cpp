#include "client/terminal/screen.hpp"

#include <wchar.h>

#include <algorithm>

namespace chat262::client {

std::size_t character_width(wchar_t character) {
  // libedit shows a control character as ^X.
  if (character < 0x20 || character == 0x7f) return 2;
  return static_cast<std::size_t>(std::max(0, ::wcwidth(character)));
}

std::size_t cursor_row(std::size_t prompt_width, const std::wstring& text, std::size_t cursor,
                       std::size_t columns) {
  if (columns == 0) return 0;
  std::size_t row = prompt_width / columns;
  std::size_t column = prompt_width % columns;
  for (std::size_t i = 0; i < std::min(cursor, text.size()); ++i) {
    const std::size_t width = character_width(text[i]);
    if (column + width > columns) {
      ++row;
      column = 0;
    }
    column += width;
    if (column >= columns) {
      ++row;
      column = 0;
    }
  }
  return row;
}

std::string erase_sequence(std::size_t row) {
  std::string sequence = "\r";
  if (row > 0) sequence += "\x1b[" + std::to_string(row) + "A";
  return sequence + "\x1b[J";
}

}  // namespace chat262::client
