// Where an edited line stands on the screen, and how to take it away and put it back.
#pragma once

#include <cstddef>
#include <string>

namespace chat262::client {

// Columns of a terminal that a character takes; 0 for those that are not shown.
[[nodiscard]] std::size_t character_width(wchar_t character);

// The row, counted from the row of the prompt, in which the cursor stands after `prompt_width`
// columns of prompt and the first `cursor` characters of `text`. A character that does not fit in
// the rest of a row starts the next one; a full row puts the cursor at the start of the next.
[[nodiscard]] std::size_t cursor_row(std::size_t prompt_width, const std::wstring& text,
                                     std::size_t cursor, std::size_t columns);

// Moves the cursor from `row` rows below the prompt's row to its start, and clears from there to
// the end of the screen.
[[nodiscard]] std::string erase_sequence(std::size_t row);

}  // namespace chat262::client
