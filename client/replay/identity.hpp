// Names that a message of a file keeps for ever, so that sending it again never doubles it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "chat262/client.hpp"
#include "client/replay/source.hpp"
#include "protocol/ids.hpp"

namespace chat262::replay {

// What a run's request ids are made of, besides the file's name and the line's number.
struct StreamName {
  std::string account;  // the importing account's id
  std::string room;     // that everything goes to; empty if each line says where
  std::string tag;      // to send one file twice on purpose
};

// The client id under which the lines of `file_name` are sent: half of a BLAKE2b-256.
//
// It holds the file's name and not its content, so that a log that has grown since goes on where
// it ended. A line that was changed since is not sent again; the servers would refuse it under an
// id that is used ("request_reused"). verify finds it.
[[nodiscard]] ClientId client_id(const StreamName& stream, const std::string& file_name);

// The request of a line.
[[nodiscard]] client::RequestId request_of(const ClientId& client, std::uint64_t line);

// Which line an id of a message in the cluster belongs to, for all lines of a file set.
class MessageIndex {
 public:
  struct Place {
    std::size_t file = 0;
    std::uint64_t line = 0;
  };

  explicit MessageIndex(std::vector<ClientId> clients_of_files)
      : clients_(std::move(clients_of_files)) {}

  void add(std::size_t file, std::uint64_t line);
  void finish();  // after the last add(), before the first find()

  // nullptr if `id_text` (32 hexadecimal digits) is none of them.
  [[nodiscard]] const Place* find(const std::string& id_text) const;

 private:
  struct Item {
    MessageId id;
    Place place;
  };
  std::vector<ClientId> clients_;
  std::vector<Item> items_;  // sorted by id once finished
};

}  // namespace chat262::replay
