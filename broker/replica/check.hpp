// Always-on assertion: a broken invariant ends the process (its peers mask one crash), after saying
// which. Never used on what came from outside.
#pragma once

#include <cstdio>
#include <cstdlib>

#define CHAT262_CHECK(condition)                                                             \
  do {                                                                                       \
    if (!(condition)) {                                                                      \
      std::fprintf(stderr, "%s:%d: broken invariant: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                          \
    }                                                                                        \
  } while (false)
