// Reads: what a signed-in client asks for, from the tables and the texts in the log. Every page is
// limited by items and by bytes. What they return depends on everything applied so far.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "broker/admission.hpp"
#include "protocol/client_messages.hpp"
#include "store/tables.hpp"

namespace chat262::broker {

class Queries {
 public:
  template <class T>
  using Answer = tl::expected<T, Refusal>;

  // `page_items`: that one page has at most.
  Queries(const store::Tables& tables, const EntrySource& entries, unsigned page_items)
      : tables_(tables), entries_(entries), page_items_(page_items) {}

  [[nodiscard]] Answer<reply::Accounts> search(const request::SearchAccounts& request) const;
  // Without those that have expired.
  [[nodiscard]] Answer<reply::Sessions> sessions(const Session& asker,
                                                 const request::ListSessions& request,
                                                 TimeMs now) const;
  [[nodiscard]] Answer<reply::Rooms> rooms(const AccountId& asker,
                                           const request::ListRooms& request) const;
  [[nodiscard]] Answer<reply::Members> members(const request::ListMembers& request) const;
  [[nodiscard]] Answer<reply::Conversations> conversations(
      const AccountId& asker, const request::ListConversations& request) const;
  [[nodiscard]] Answer<reply::History> history(const AccountId& asker,
                                               const request::History& request) const;

  // Where an `events` request starts.
  [[nodiscard]] Answer<Seq> events_since(const request::Events& request) const;
  // What happened above `since`; `next` also moves on when there was nothing.
  [[nodiscard]] reply::Events events(const AccountId& asker, Seq since, unsigned limit) const;

 private:
  // Names of accounts and rooms, looked up once a query.
  class Names;

  [[nodiscard]] std::optional<Message> message(const AccountId& asker, Seq seq, bool undelivered,
                                               Names& names) const;
  [[nodiscard]] bool is_first(const AccountId& asker, const op::SendMessage& sent, Seq at) const;
  [[nodiscard]] std::vector<Event> message_events(const AccountId& asker,
                                                  const store::Tables::Happening& happening,
                                                  Names& names) const;
  // Of a merged deletion: the messages of the asker that the account never got.
  [[nodiscard]] std::vector<Event> undelivered_to(const AccountId& asker, const AccountId& deleted,
                                                  const Entry& deletion, Names& names) const;
  // Nearly always one; none if the entry cannot be read; several where a deleted account left
  // several of the asker's rooms at once, or a merge has more to tell.
  [[nodiscard]] std::vector<Event> events_at(const AccountId& asker,
                                             const store::Tables::Happening& happening,
                                             Names& names) const;
  // Last message and unread count; adds the items it looked at to `looked`.
  [[nodiscard]] Conversation conversation(const AccountId& asker, const store::ConversationRef& ref,
                                          Names& names, unsigned& looked) const;

  const store::Tables& tables_;
  const EntrySource& entries_;
  const unsigned page_items_;

  [[nodiscard]] unsigned page_limit(std::uint32_t asked) const;
};

}  // namespace chat262::broker
