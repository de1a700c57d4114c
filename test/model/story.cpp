// Events and clusters as text, for people.
#include "test/model/rules.hpp"
#include "test/support/text.hpp"

namespace chat262::model {

std::string Rules::text_of(const Cluster& before, const Event& event) const {
  const std::string who = std::to_string(event.server);
  const std::string other = std::to_string(event.other);
  switch (event.net) {
    case Event::Net::none:
      break;
    case Event::Net::lose:
      return "lost: what " + other + " had sent to " + who;
    case Event::Net::cut:
      return "cut " + who + " off";
    case Event::Net::heal:
      return "heal " + who;
    case Event::Net::hold:
      return "hold " + (event.other == event.server ? "the disk of " + who : other + "->" + who);
    case Event::Net::release:
      return "release " + (event.other == event.server ? "the disk of " + who : other + "->" + who);
  }
  std::string text = who + " " + name_of(event.kind);
  switch (event.kind) {
    case Kind::deliver:
      return text + " from " + other + " " +
             test::detail_of(all_.message(before.way(event.other, event.server).front()).body);
    case Kind::refused:
    case Kind::unheard:
    case Kind::suspects:
      return text + " " + other;
    case Kind::submit:
      return text + " " + static_cast<char>('x' + event.other);
    default:
      return text;
  }
}

std::string Rules::text_of(const Cluster& cluster) const {
  std::string text;
  for (unsigned i = 0; i < servers; ++i) {
    text += "    " + all_.text_of(cluster.server[i]) + "\n";
    for (unsigned j = 0; j < servers; ++j) {
      for (const MessageNumber message : cluster.way(i, j)) {
        text += "      to " + std::to_string(j) + ": " +
                test::detail_of(all_.message(message).body) + "\n";
      }
    }
  }
  return text;
}

}  // namespace chat262::model
