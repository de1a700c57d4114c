// An echo bot: joins a room and repeats what is said there and to itself.
//
// Usage: bot NAME ROOM [ADDRESS...]   Its password is the first line of standard input. Without
// addresses CHAT262_CLUSTER names the cluster's file.
#include <chat262/client.hpp>
#include <iostream>

int main(int argc, char* argv[]) {
  namespace chat = chat262::client;
  if (argc < 3) {
    std::cerr << "usage: bot NAME ROOM [ADDRESS...] <password-file\n";
    return 2;
  }
  const std::string name = argv[1];
  const std::string room = argv[2];
  std::string password;
  std::getline(std::cin, password);

  chat::Client bot({.servers = chat::servers_from({argv + 3, argv + argc})});
  bot.register_account(name, password);  // refused if it was here before
  const auto login = bot.log_in(name, password);
  if (!login) {
    std::cerr << login.error_text() << "\n";
    return 1;
  }
  if (!bot.create_room(room)) bot.join_room(room);
  std::cout << name << " is ready" << std::endl;

  for (chat::Cursor at = login.value().now;;) {
    const auto news = bot.events(at, chat::Milliseconds{700});
    if (!news && news.refused()->code == "not_signed_in") return 0;
    if (!news) continue;  // no server answered: try on
    for (const chat::Event& event : news.value().events) {
      const auto* message = std::get_if<chat::Message>(&event);
      if (message == nullptr || message->from == name) continue;
      auto sent = bot.send(message->conversation, message->text);
      while (const auto* unknown = sent.unknown()) {  // ask again: it is never sent twice
        sent = bot.with_request(unknown->request).send(message->conversation, message->text);
      }
    }
    at = news.value().next;
  }
}
