// What `chat262` ends with.
#pragma once

#include "chat262/client.hpp"

namespace chat262::client {

enum class ExitCode : int {
  ok = 0,
  refused = 1,  // the service said no; also a file that cannot be read or written
  usage = 2,
  no_answer = 3,  // no server answered, or none could help; a write was not done
  unknown = 4     // a write got no answer: it may or may not be done
};

[[nodiscard]] inline ExitCode exit_code_of(const Refused& refused) {
  const bool nobody =
      refused.code == "no_answer" || refused.code == "unavailable" || refused.code == "busy";
  return nobody ? ExitCode::no_answer : ExitCode::refused;
}

}  // namespace chat262::client
