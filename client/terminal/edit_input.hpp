// Line editing with libedit. The only file, with its .cpp, that knows libedit.
#pragma once

#include <histedit.h>

#include "client/terminal/input.hpp"

namespace chat262::client {

class EditInput : public Input {
 public:
  EditInput(Mailbox& mailbox, Signals& signals, std::string history_file);
  ~EditInput() override;
  EditInput(const EditInput&) = delete;
  EditInput& operator=(const EditInput&) = delete;

  Line read_line(const std::string& prompt, bool remember) override;
  Line read_secret(const std::string& prompt) override;
  void print(const std::vector<std::string>& lines) override;
  void set_prompt(const std::string& prompt) override;
  bool erase_entered() override;
  void stop_reading() override { stop_ = true; }
  [[nodiscard]] bool interactive() const override { return true; }

 private:
  static char* prompt_of(EditLine* edit);
  static int next_character(EditLine* edit, wchar_t* character);
  int wait_for_character(wchar_t* character);
  void take_away();
  void put_back();
  [[nodiscard]] static std::size_t columns();

  Mailbox& mailbox_;
  Signals& signals_;
  std::string history_file_;
  EditLine* edit_ = nullptr;
  History* history_ = nullptr;
  std::string prompt_;
  bool reading_ = false;
  bool taken_away_ = false;  // the edited line is off the screen: put it back before waiting
  bool stop_ = false;
  Line::Kind reason_ = Line::Kind::end;  // why there was no line
  std::wstring entered_;                 // the last line, for erase_entered()
};

}  // namespace chat262::client
