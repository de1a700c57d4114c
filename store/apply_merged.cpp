// What an operation that is merged from another history meets in this one. The rules stand in
// REPLICATION.md, "Merging".
#include "protocol/limits.hpp"
#include "store/apply.hpp"

namespace chat262::store {

namespace {

constexpr unsigned name_attempts_max = 100;
constexpr unsigned marker_items_max = 10'000;  // that one read marker looks at

// A prefix of `text` of at most `bytes_max` bytes that ends between two characters.
std::string_view prefix_of(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; };
  std::size_t size = bytes_max;
  while (size > 0 && continues(text[size])) --size;
  return text.substr(0, size);
}

std::string suffix(ByteView id, unsigned attempt) {
  constexpr std::string_view digits = "0123456789abcdef";
  Bytes seed(id.begin(), id.end());
  seed.push_back(static_cast<std::uint8_t>(attempt));
  const Hash hash = hash_of(seed);
  std::string text = "~";
  for (std::size_t i = 0; i < (attempt == 0 ? 2 : 4); ++i) {
    text += digits[hash.bytes[i] >> 4];
    text += digits[hash.bytes[i] & 15];
  }
  return text;
}

}  // namespace

// The entries up to the fork stand in both histories. Entries of one epoch are of one history.
bool Applier::surely_unknown_there(const schema::Origin& origin) const {
  if (!merged_ || origin.at <= merged_->fork.seq) return false;
  return origin.from.epoch != merged_->from.epoch || origin.from.seq >= merged_->from.seq;
}

// The same, but what was merged from an earlier epoch counts as known: on the other side too one
// leader may have followed another.
bool Applier::unknown_there(const schema::Origin& origin) const {
  if (!surely_unknown_there(origin)) return false;
  const bool merged_too = origin.from.seq != origin.at || origin.from.epoch != epoch_at(origin.at);
  return !merged_too || origin.from.epoch > merged_->from.epoch ||
         origin.from.seq >= merged_->from.seq;
}

bool Applier::deleted_unknown_there(const AccountId& account) const {
  if (!merged_) return false;
  const auto known = deletion(account);
  return known && surely_unknown_there(known->origin);
}

bool Applier::left_unknown_there(const RoomId& room, const AccountId& account) const {
  if (!merged_) return false;
  const auto stored = records_.get(schema::departure_key(room, account).text());
  return stored && surely_unknown_there(schema::read_origin(*stored));
}

// Folding leaves ASCII as it is, and nothing composes with a `~`: so the new name folds to the new
// folded one. A part of a folded name folds to itself; so what is too long becomes a part of that.
std::optional<Applier::FreeName> Applier::free_name(schema::Table names, const FreeName& taken,
                                                    ByteView id) const {
  for (unsigned attempt = 0; attempt < name_attempts_max; ++attempt) {
    const std::string end = suffix(id, attempt);
    const std::size_t bytes_max = limits::name_bytes_max - end.size();
    FreeName name = taken;
    if (name.shown.size() > bytes_max || name.folded.size() > bytes_max) {
      name.shown = name.folded = prefix_of(taken.folded, bytes_max);
    }
    name.shown += end;
    name.folded += end;
    if (!records_.get(schema::prefix(names).tail(name.folded).text())) return name;
  }
  return std::nullopt;
}

// Where a read marker stands in this history. What its own history had beyond the fork stands here
// among other things, which may be unread: the marker goes up to the last message that it covers
// there with none of somebody else before it that it does not.
Seq Applier::read_place(const schema::Conversation& conversation, const AccountId& account,
                        const Position& upto) const {
  Seq place = resolve_cursor(records_, upto);
  if (place.value == 0 || (place == upto.seq && epoch_at(place) == upto.epoch)) return place;
  place = std::max(place, conversation.read_upto.seq);
  const schema::Key prefix = schema::timeline_prefix(conversation.id);
  Scan scan =
      records_.scan(Direction::up, prefix.text(), schema::Key(prefix).seq(place.next()).text());
  for (unsigned looked = 0; scan.valid() && looked < marker_items_max; scan.next(), ++looked) {
    const schema::Item item = schema::read_item(scan.value());
    const bool covered = item.from && item.from->epoch == upto.epoch && item.from->seq <= upto.seq;
    if (covered) {
      place = Reader(scan.key().substr(prefix.size())).seq();
    } else if (item.kind == schema::Item::Kind::message && item.who != account) {
      break;
    }
  }
  records_.finish(scan);
  return place;
}

// An account is deleted by an operation of another history, in which the last messages to it were
// not known. They stay with those who wrote them, and those are told.
void Applier::mark_undelivered(const AccountId& deleted, const AccountId& other) {
  if (!merged_ || other == deleted) return;
  const schema::Key prefix = schema::timeline_prefix(direct_conversation(deleted, other));
  std::vector<std::pair<Seq, schema::Item>> unseen;
  Scan scan = records_.scan(Direction::up, prefix.text(),
                            schema::Key(prefix).seq(merged_->fork.seq.next()).text());
  for (; scan.valid(); scan.next()) {
    const schema::Item item = schema::read_item(scan.value());
    const Seq at = Reader(scan.key().substr(prefix.size())).seq();
    const schema::Origin origin{at, item.from.value_or(Position{epoch_at(at), at})};
    const bool theirs = item.kind == schema::Item::Kind::message && item.who == other;
    if (theirs && surely_unknown_there(origin)) unseen.emplace_back(at, item);
  }
  records_.finish(scan);
  for (auto& [at, item] : unseen) {
    item.kind = schema::Item::Kind::undelivered;
    records_.put(schema::Key(prefix).seq(at).text(), schema::item_value(item).text());
  }
  if (!unseen.empty()) put_notice(other, schema::Notice::undelivered);
}

}  // namespace chat262::store
