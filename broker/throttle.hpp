// Slows down guessing of passwords: after too many failures for one name, only now and then a try.
#pragma once

#include <map>
#include <string>

#include "broker/replica/io.hpp"

namespace chat262::broker {

class LoginThrottle {
 public:
  // True if a password for this (folded) name may be tried now.
  [[nodiscard]] bool allows(const std::string& folded, replica::Clock now);
  void failed(const std::string& folded, replica::Clock now);
  void succeeded(const std::string& folded) { names_.erase(folded); }

 private:
  struct Failures {
    unsigned count = 0;
    replica::Clock first{};
    replica::Clock next_try{};
  };
  std::map<std::string, Failures> names_;
};

}  // namespace chat262::broker
