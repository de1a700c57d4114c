// The tables in LMDB under their overlay: what tables.hpp promises. Internal to store/.
//
// Invariants:
//  (1) durable <= committed <= applied.
//  (2) On disk stand exactly the changes of entries 1..durable; in the sealed generation those of
//      durable+1 .. sealed_->upto; in the active one those above, up to applied.
//  (3) What is above committed can be undone; nothing below is.
//
// Who touches what: `sealed_upto_` and the overlay's sealed generation change only on the reactor
// and only while `stage_` is not `writing`; the tables thread reads them only while it is. `mutex_`
// is held by write_behind() and check() from start to end, and by revert_to() when it throws the
// tables away.
#pragma once

#include <atomic>
#include <deque>
#include <mutex>

#include "store/apply.hpp"
#include "store/records.hpp"
#include "store/tables.hpp"

namespace chat262::store {

inline constexpr Seq highest_seq = seq(~std::uint64_t{0});

class DiskTables final : public Tables {
 public:
  static Result<std::unique_ptr<DiskTables>> open_on(const TablesOptions& options, const Log& log);
  ~DiskTables() override;

  Seq applied() const override { return tip_.seq; }
  TimeMs applied_time() const override { return tip_.time; }
  Result<Outcome> apply(const Entry& entry) override;
  Result<void> revert_to(Seq to) override;
  std::optional<Error> fault() const override;
  Result<std::string> check(const std::string& from, std::size_t bytes_max) override;

  bool seal(Seq commit) override;
  Result<void> write_behind(Log& log) override;
  void settle() override;
  Seq durable() const override { return seq(durable_); }
  std::size_t overlay_bytes() const override { return records_.overlay().bytes(); }
  std::uint64_t file_bytes() const override { return env_->size().file_bytes; }

  std::optional<Outcome> request(const RequestId& id) const override;
  std::optional<AccountRecord> account(const AccountId& id) const override;
  std::optional<AccountRecord> account_named(const std::string& folded) const override;
  std::vector<AccountRecord> accounts_once_named(const std::string& folded,
                                                 unsigned limit) const override;
  std::optional<SessionRecord> session(const Hash& token_hash) const override;
  Page<AccountRecord> all_accounts(const std::string& pattern, const std::string& after,
                                   unsigned limit) const override;
  std::optional<InvitationRecord> invitation(const Hash& code) const override;
  std::optional<ResetRecord> reset_code(const AccountId& account) const override;
  std::vector<OpenSession> sessions(const AccountId& account) const override;
  std::optional<RoomRecord> room(const RoomId& id) const override;
  std::optional<RoomRecord> room_named(const std::string& folded) const override;
  bool is_member(const RoomId& room, const AccountId& account) const override;
  Page<AccountRecord> accounts(const std::string& pattern, const std::string& after,
                               unsigned limit) const override;
  Page<RoomRecord> rooms(const std::string& pattern, const std::string& after,
                         unsigned limit) const override;
  Page<AccountRecord> members(const RoomId& room, const std::string& after,
                              unsigned limit) const override;
  ConversationPage conversations(const AccountId& account, const Bytes& after,
                                 unsigned limit) const override;
  unsigned rooms_of(const AccountId& account, unsigned max) const override;
  std::optional<ConversationRef> conversation(
      const AccountId& account, const std::variant<AccountId, RoomId>& with) const override;
  std::vector<Item> items_above(const ConversationId& conversation, Seq from,
                                unsigned limit) const override;
  std::vector<Item> items_below(const ConversationId& conversation, std::optional<Seq> from,
                                unsigned limit) const override;
  std::uint64_t unread(const ConversationId& conversation, const AccountId& account, Seq read,
                       std::uint64_t max) const override;
  std::vector<Happening> happenings(const AccountId& account, Seq since,
                                    unsigned limit) const override;
  std::vector<ReplacedServer> replaced() const override;
  std::vector<ServerKey> server_keys() const override;
  Seq resolve(const Position& cursor) const override;
  Concerned concerned(const Entry& entry) const override;
  Hash digest() const override;

 private:
  struct Mark {  // the state after an entry
    Seq seq{};
    Hash hash{};
    TimeMs time{};
  };
  // Of the generation that is sealed.
  enum class Stage { none, sealed, writing, written, failed };

  DiskTables(std::filesystem::path directory, std::uint64_t map_bytes)
      : directory_(std::move(directory)), map_bytes_(map_bytes) {}

  Result<void> open_env();
  Result<bool> read_mark(const Log& log);  // false: the tables are of no use
  Result<void> start_anew();
  Result<void> put_mark(lmdb::Txn& txn, const Mark& mark) const;
  void make_rebuild_file() const;

  Result<void> write_sealed(Log& log, bool& tables_damaged);
  Result<std::vector<Seq>> texts_of_deleted() const;
  Result<void> put_sealed(lmdb::Txn& txn) const;
  void set_durable(const Mark& mark);
  void enlarge_map();

  template <class Record, class Load>
  Page<Record> page_of_names(const schema::Key& prefix, const std::string& pattern,
                             const std::string& after, unsigned limit, Load load) const;
  std::vector<Item> items(Direction direction, const ConversationId& conversation, Seq bound,
                          unsigned limit) const;

  const std::filesystem::path directory_;  // of the environment
  const std::uint64_t map_bytes_;
  std::unique_ptr<lmdb::Env> env_;
  lmdb::Db db_ = 0;
  Records records_;

  Mark tip_;               // what is applied
  std::deque<Mark> tail_;  // the states from committed_ on, newest last; for undoing
  Mark committed_;         // nothing at or below is undone
  Mark sealed_mark_;       // of the sealed generation
  Mark durable_mark_;      // under mutex_, or while nothing is being written
  std::atomic<std::uint64_t> durable_{0};
  std::atomic<Stage> stage_{Stage::none};
  std::atomic<bool> map_full_{false};
  std::atomic<bool> damage_seen_{false};  // by check()
  std::mutex mutex_;
  std::unique_ptr<Generation> spent_;  // freed by the tables thread: it may be large
};

}  // namespace chat262::store
