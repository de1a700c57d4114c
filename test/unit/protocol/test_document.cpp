// PROTOCOL.md agrees with the code: quotes, statuses, operations, limits.
#include "protocol/client_messages.hpp"
#include "protocol/cluster_file.hpp"
#include "protocol/limits.hpp"
#include "samples.hpp"
#include "test/support/catch.hpp"
#include "vectors.hpp"

using namespace chat262;

namespace {

std::string document() {
  return vectors::contents(std::string(CHAT262_PROTOCOL_DIR) + "/PROTOCOL.md");
}

// The row of a table whose first cell is `first`; empty if there is none.
std::string row(const std::string& text, const std::string& first) {
  const std::size_t at = text.find("\n| " + first + " |");
  return at == std::string::npos ? "" : text.substr(at + 1, text.find('\n', at + 1) - at - 1);
}

// The text from one `## ` heading to the next.
std::string section(const std::string& text, const std::string& heading) {
  const std::size_t at = text.find("\n## " + heading);
  REQUIRE(at != std::string::npos);
  return text.substr(at + 1, text.find("\n## ", at + 1) - at);
}

// 65536 as 65,536
std::string grouped(std::size_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

// How many elements the notation of an array has, at its own depth.
std::size_t count_elements(const std::string& array) {
  std::size_t count = array == "[]" ? 0 : 1;
  int depth = 0;
  for (const char c : array) {
    if (c == '[') ++depth;
    if (c == ']') --depth;
    if (c == ',' && depth == 1) ++count;
  }
  return count;
}

}  // namespace

// Code blocks that begin with ```vector FILE.
TEST_CASE("PROTOCOL.md quotes the vectors as they are") {
  const std::string text = document();
  const std::string opening = "```vector ";
  std::size_t quotes = 0;
  for (std::size_t at = text.find(opening); at != std::string::npos;
       at = text.find(opening, at + 1)) {
    const std::size_t line_end = text.find('\n', at);
    const std::string file = text.substr(at + opening.size(), line_end - at - opening.size());
    const std::size_t end = text.find("```", line_end);
    const std::string quoted = text.substr(line_end + 1, end - line_end - 1);
    const std::string name = quoted.substr(8, quoted.find('\n') - 8);
    INFO(file << " " << name);
    CHECK(quoted == vectors::block(file, name));
    ++quotes;
  }
  CHECK(quotes >= 10);
}

TEST_CASE("PROTOCOL.md has a row of every status") {
  const std::string statuses = section(document(), "7. Statuses");
  for (unsigned code = 0; code < 256; ++code) {
    const auto status = status_from_code(static_cast<std::uint8_t>(code));
    const std::string line = row(statuses, std::to_string(code));
    INFO("status " << code << ": " << line);
    CHECK(line.empty() == !status.has_value());
    if (status) {
      CHECK(line.find(std::string("| ") + status_name(*status) + " |") != std::string::npos);
    }
  }
}

TEST_CASE("PROTOCOL.md has a row of every operation, with as many fields as are sent") {
  const std::string operations = section(document(), "6. Operations");
  for (const auto& sample : samples::requests()) {
    const auto code =
        std::visit([](const auto& m) { return unsigned{std::decay_t<decltype(m)>::code}; },
                   sample.message.body);
    const std::string line = row(operations, std::to_string(code));
    INFO(sample.name << ": " << line);
    REQUIRE_FALSE(line.empty());
    CHECK((line.find("| operator |") != std::string::npos) ==
          is_operator_request(sample.message.body));
    CHECK((line.find("| write |") != std::string::npos) == is_write(sample.message.body));
    CHECK((line.find("| yes |") != std::string::npos) == !sample.message.token.empty());

    const std::size_t body = line.find("`[");
    const std::string shape = line.substr(body + 1, line.find("]` |", body) - body);
    const Bytes bytes = vectors::read("requests.txt").at(sample.name);
    const std::string value = vectors::notation(bytes);
    const std::size_t token = value.find("h'", value.find("h'") + 2);
    const std::string sent = value.substr(value.find('[', token));
    // Fields of a later feature level may be left out.
    std::size_t later = 0;
    for (auto at = shape.find("(3)"); at != std::string::npos; at = shape.find("(3)", at + 1)) {
      ++later;
    }
    const auto fields = count_elements(sent.substr(0, sent.size() - 1));
    CHECK(fields <= count_elements(shape));
    CHECK(fields + later >= count_elements(shape));
  }
}

TEST_CASE("PROTOCOL.md states the limits as they are") {
  const std::string table = section(document(), "9. Limits");
  const auto states = [&](const std::string& first, const std::string& value) {
    const std::string line = row(table, first);
    INFO(first << ": " << line << ", expected " << value);
    CHECK(line.find(value) != std::string::npos);
  };
  using namespace chat262::limits;
  states("request", "| " + grouped(client_frame_bytes_max) + " bytes |");
  states("reply", "| " + grouped(reply_frame_bytes_max) + " bytes |");
  states("name of a user or room", " to " + grouped(name_bytes_max) + " bytes");
  states("pattern", "| " + grouped(pattern_bytes_max) + " bytes |");
  states("password",
         grouped(password_bytes_min) + " to " + grouped(password_bytes_max) + " bytes |");
  states("message text", " to " + grouped(text_bytes_max) + " bytes |");
  states("author of an imported message", " to " + grouped(author_bytes_max) + " bytes |");
  states("token", "| " + grouped(token_bytes) + " bytes |");
  states("items of a page", "| " + grouped(page_items_max) + " |");
  states("page", grouped(page_bytes_max) + " bytes |");
  states("wait_ms", "| " + grouped(wait_ms_max) + " |");
  CHECK(document().find("port is " + std::to_string(default_client_port)) != std::string::npos);
}
