// What cannot be undone is asked for once more.
#pragma once

namespace chat262::control {

// Reads a line from standard input. Throws Failure if it is not `word`.
void need_word(const char* word);

}  // namespace chat262::control
