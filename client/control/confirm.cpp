#include "client/control/confirm.hpp"

#include <cstdio>
#include <iostream>
#include <string>

#include "client/control/outcome.hpp"

namespace chat262::control {

void need_word(const char* word) {
  std::fprintf(stderr, "Type the word %s to go on: ", word);
  std::string typed;
  if (!std::getline(std::cin, typed) || typed != word) {
    throw Failure{Exit::degraded, "nothing was done"};
  }
}

}  // namespace chat262::control
