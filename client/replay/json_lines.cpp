#include "client/replay/json_lines.hpp"

#include <nlohmann/json.hpp>

#include "client/replay/clean_text.hpp"

namespace chat262::replay {
namespace {

using Json = nlohmann::ordered_json;

// Thrown and caught in this file alone, like the JSON library's own errors.
struct BadField {
  std::string text;
};

std::string text_field(const Json& object, const char* name) {
  const auto field = object.find(name);
  if (field == object.end() || field->is_null()) return {};
  if (!field->is_string()) throw BadField{std::string("\"") + name + "\" is not a string"};
  return field->get<std::string>();
}

std::int64_t number_field(const Json& object, const char* name) {
  const auto field = object.find(name);
  if (field == object.end() || field->is_null()) return 0;
  const bool fits = field->is_number_integer() &&
                    !(field->is_number_unsigned() && field->get<std::uint64_t>() > INT64_MAX);
  if (!fits) throw BadField{std::string("\"") + name + "\" is not a whole number"};
  return field->get<std::int64_t>();
}

bool flag_field(const Json& object, const char* name) {
  const auto field = object.find(name);
  if (field == object.end() || field->is_null()) return false;
  if (!field->is_boolean()) throw BadField{std::string("\"") + name + "\" is not true or false"};
  return field->get<bool>();
}

std::optional<client::Target> conversation_of(const Json& object) {
  const auto room = text_field(object, "room");
  const auto to = text_field(object, "to");
  if (!room.empty() && !to.empty()) throw BadField{"both \"room\" and \"to\""};
  if (!room.empty()) return client::Target::room(room);
  if (!to.empty()) return client::Target::user(to);
  return std::nullopt;
}

Record record_of(const Json& object) {
  if (!object.is_object()) throw BadField{"not a JSON object"};
  Record record;
  record.id = text_field(object, "id");
  const auto seq = number_field(object, "seq");
  if (seq < 0) throw BadField{"\"seq\" is negative"};
  record.seq = static_cast<std::uint64_t>(seq);
  record.at = text_field(object, "at");
  record.time_ms = number_field(object, "time_ms");
  record.conversation = conversation_of(object);
  record.from = clean_text(text_field(object, "from"));
  record.erased = flag_field(object, "erased");
  record.text = clean_text(text_field(object, "text"));
  if (const auto original = object.find("original");
      original != object.end() && !original->is_null()) {
    if (!original->is_object()) throw BadField{"\"original\" is not an object"};
    record.original = client::Original{clean_text(text_field(*original, "author")),
                                       number_field(*original, "time_ms")};
  }
  if (record.author().empty()) throw BadField{"no author: neither \"from\" nor \"original\""};
  if (record.text.empty() && !record.erased) throw BadField{"no \"text\""};
  return record;
}

}  // namespace

std::string to_json_line(const Record& record) {
  Json object;
  if (!record.id.empty()) object["id"] = record.id;
  if (record.seq != 0) object["seq"] = record.seq;
  if (!record.at.empty()) object["at"] = record.at;
  object["time_ms"] = record.time_ms;
  if (record.conversation) {
    const bool room = record.conversation->kind == client::Target::Kind::room;
    object[room ? "room" : "to"] = record.conversation->name;
  }
  object["from"] = record.from;
  if (record.original) {
    object["original"] = {{"author", record.original->author},
                          {"time_ms", record.original->time_ms}};
  }
  object["text"] = record.text;
  if (record.erased) object["erased"] = true;
  return object.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

tl::expected<Record, std::string> parse_json_line(std::string_view line) {
  try {
    return record_of(Json::parse(line));
  } catch (const BadField& bad) {
    return tl::unexpected(bad.text);
  } catch (const Json::exception& error) {
    return tl::unexpected("not JSON: " + clean_text(error.what()));
  }
}

}  // namespace chat262::replay
