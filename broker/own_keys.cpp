#include "broker/own_keys.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace chat262::broker {
namespace fs = std::filesystem;

namespace {

constexpr const char* credential_name = "chat262.key";
constexpr std::size_t pairs_max = 4;

struct File {
  fs::path path;
  KeyFileReaders readers = KeyFileReaders::owner;
  bool needed = false;
};

std::vector<File> files_of(const KeySources& sources) {
  std::vector<File> files{{sources.data / own_keys_file}};
  if (!sources.key_file.empty()) {
    files.push_back({sources.key_file, KeyFileReaders::owner, true});
    return files;
  }
  std::error_code error;
  const auto credential = sources.credentials / credential_name;
  if (!sources.credentials.empty() && fs::exists(credential, error)) {
    files.push_back({credential, KeyFileReaders::owner_and_group, true});
  } else if (!sources.cluster_file.empty()) {
    files.push_back({sources.cluster_file.parent_path() / key_file_name(sources.self)});
  }
  return files;
}

}  // namespace

Result<OwnKeys> OwnKeys::load(const KeySources& sources, const PublicKey& said,
                              const PublicKey& filed) {
  OwnKeys own;
  std::vector<KeyPair> written;
  std::string looked_at;
  bool first = true;
  for (const auto& file : files_of(sources)) {
    const bool in_data = std::exchange(first, false);
    auto keys = read_key_file(file.path, file.readers);
    if (!keys && (file.needed || keys.error().code != Errc::not_found)) {
      return tl::unexpected<Error>(keys.error());
    }
    looked_at += fmt::format("{}{}{}", looked_at.empty() ? "" : ", ", file.path.string(),
                             keys ? " (it has another)" : " (there is none)");
    if (!keys) continue;
    if (in_data) written = *keys;
    for (const auto& pair : *keys) own.add(pair);
  }
  for (const auto& wanted : {said, filed}) {
    if (wanted.empty() || !own.has(wanted)) continue;
    own.change_to(wanted);
    // A change of keys was begun, and was not in the log yet.
    if (written.size() == 2 && written[1].key == wanted) own.unused_ = written[0].key;
    return own;
  }
  return fail(
      Errc::not_found,
      fmt::format("server {} needs the secret key that belongs to its public key {}, as {} "
                  "says. Looked for in: {}. Copy server-{}.key to here from where the "
                  "cluster's keys were made, or name it with --key",
                  sources.self.value, key_text(said.empty() ? filed : said),
                  said.empty() ? "the cluster file" : "the log", looked_at, sources.self.value));
}

bool OwnKeys::has(const PublicKey& key) const {
  return std::any_of(pairs_.begin(), pairs_.end(),
                     [&key](const KeyPair& pair) { return pair.key == key; });
}

void OwnKeys::change_to(const PublicKey& key) {
  std::stable_partition(pairs_.begin(), pairs_.end(),
                        [&key](const KeyPair& pair) { return pair.key == key; });
  if (unused_ == key) unused_ = PublicKey{};
  ++changes_;
}

KeyPair OwnKeys::next() const {
  for (const auto& pair : pairs_) {
    if (pair.key == unused_) return pair;
  }
  return new_key_pair();
}

void OwnKeys::add_unused(const KeyPair& pair) {
  add(pair);
  unused_ = pair.key;
}

void OwnKeys::add(const KeyPair& pair) {
  if (has(pair.key)) return;
  if (pairs_.size() >= pairs_max) pairs_.pop_back();
  pairs_.push_back(pair);  // never before the present one
}

}  // namespace chat262::broker
