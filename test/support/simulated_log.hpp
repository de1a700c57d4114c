// store::Log over a simulated disk: what a start finds there, what can be read from it, and the
// repair of what is damaged. Writes do not come through here: the world carries them out when the
// disk is done with them. Where the real log is careful about damage (store/log.cpp, log_start.cpp,
// log_repair.cpp), this one does the same.
#pragma once

#include "store/log.hpp"
#include "test/support/disk.hpp"

namespace chat262::test {

class SimulatedLog final : public store::Log {
 public:
  // `disk` must outlive the log. `more`: how many committed entries start() returns as well.
  SimulatedLog(Disk& disk, const store::Identity& identity, std::uint64_t more);

  const store::LogStart& start() const override { return start_; }
  store::Identity identity() const override { return identity_; }
  Result<void> write(std::span<const store::LogWrite> writes) override;
  Result<std::vector<Entry>> read(Seq from, Seq to, std::size_t bytes_max) const override;
  Result<std::size_t> repair(const Hash& previous, std::span<const Entry> entries) override;
  Result<void> read_start_again() override;
  Result<std::filesystem::path> set_damage_aside() override;
  Result<void> erase_texts(std::span<const Seq> seqs) override;
  Seq last() const override { return disk_.content.log.last(); }
  Seq commit() const override { return disk_.content.commit; }
  bool room() override { return !disk_.full; }
  store::LogSize size() const override { return {}; }
  Result<void> copy(const std::filesystem::path& to) const override;

 private:
  void read_start();
  void read_tail();
  [[nodiscard]] bool can_do_without(Seq damaged) const;
  // The entry, if its record and the one before it say that it is the one that was written.
  [[nodiscard]] Result<Entry> intact(Seq place) const;
  [[nodiscard]] std::size_t proved(std::span<const Entry> entries) const;

  Disk& disk_;
  store::Identity identity_;
  std::uint64_t more_;
  store::LogStart start_;
};

}  // namespace chat262::test
