// What a checker throws when the cluster broke a promise. The text is for people.
#pragma once

#include <stdexcept>

namespace chat262::test {

struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace chat262::test
