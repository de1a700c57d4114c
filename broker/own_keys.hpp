// This server's own key pairs: the one that it proves to be itself with, and those that it has had
// or is about to have.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "protocol/key_file.hpp"
#include "protocol/keys.hpp"
#include "protocol/result.hpp"

namespace chat262::broker {

// In a data directory: written when the server's key is changed while it runs.
inline constexpr const char* own_keys_file = "keys";

struct KeySources {
  ServerId self{};
  std::filesystem::path data;
  std::filesystem::path key_file;      // --key; empty: the usual ones
  std::filesystem::path cluster_file;  // empty: there is none
  std::filesystem::path credentials;   // systemd's directory of them; empty: there is none
};

class OwnKeys {
 public:
  // Of no use, in a cluster without keys.
  OwnKeys() = default;
  // `said`: the server's public key as the log last said, or none; `filed`: as the cluster file
  // says. One of the secrets must belong to one of these. Errors say which files were looked at.
  static Result<OwnKeys> load(const KeySources& sources, const PublicKey& said,
                              const PublicKey& filed);

  [[nodiscard]] bool any() const { return !pairs_.empty(); }
  [[nodiscard]] const KeyPair& present() const { return pairs_.front(); }
  // The present one first; others may be known to servers that have missed a change.
  [[nodiscard]] const std::vector<KeyPair>& all() const { return pairs_; }
  [[nodiscard]] bool has(const PublicKey& key) const;
  // `key` is the present one from now on. It must be one of these.
  void change_to(const PublicKey& key);
  [[nodiscard]] unsigned changes() const { return changes_; }

  // What the next change of keys changes to: a pair that was made before and has not come to be
  // used, because its change was not finished, or a new one.
  [[nodiscard]] KeyPair next() const;
  // It stands in the data directory's file, and nobody knows it yet.
  void add_unused(const KeyPair& pair);

 private:
  void add(const KeyPair& pair);

  std::vector<KeyPair> pairs_;
  unsigned changes_ = 0;
  PublicKey unused_{};  // one of them that was never the present one, as far as it is known
};

}  // namespace chat262::broker
