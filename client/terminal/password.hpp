// Where passwords come from: the terminal without echo, a file, or standard input. Never from an
// argument, which other users of the machine could see.
#pragma once

#include <string>

#include "client/terminal/arguments.hpp"
#include "protocol/result.hpp"

namespace chat262::client {

// Asks on the terminal of the process, whatever standard input is, without showing what is typed.
// Errors: Errc::not_found if there is no terminal; Errc::invalid if the person gave up.
[[nodiscard]] Result<std::string> ask_password(const std::string& prompt);

enum class PasswordUse { existing, fresh };

// By the arguments. A fresh one that is typed is asked for twice.
[[nodiscard]] Result<std::string> get_password(const Arguments& arguments, PasswordUse use,
                                               const std::string& prompt);
// The new password of `passwd`; call it after get_password().
// The code that sets a new password.
[[nodiscard]] Result<std::string> get_code(const Arguments& arguments);
[[nodiscard]] Result<std::string> get_new_password(const Arguments& arguments);

}  // namespace chat262::client
