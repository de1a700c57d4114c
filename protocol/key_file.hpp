// Files of secret keys: server-ID.key beside the cluster file, and DIR/keys in a data directory.
//
// Text: comments, "chat262-keys 1", a line "secret <Z85>" for each key, the newest first, "end".
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "protocol/keys.hpp"
#include "protocol/result.hpp"

namespace chat262 {

inline constexpr std::size_t key_file_keys_max = 2;

// server-ID.key
[[nodiscard]] std::string key_file_name(ServerId server);

// Who else than its owner may see a file that holds a secret. systemd gives its credentials an
// access list, which shows as a right of the group's.
enum class KeyFileReaders { owner, owner_and_group };

// Errors say what to do: not_found; invalid where others could have read or changed it (its mode or
// owner, or it is a link); wrong_format; io.
[[nodiscard]] Result<std::vector<KeyPair>> read_key_file(
    const std::filesystem::path& path, KeyFileReaders readers = KeyFileReaders::owner);

// A new file of mode 0600, on the disk when this returns. `what`: of the first line, e.g. "secret
// key of server 2". Errors: in_use if there is a file already; system.
[[nodiscard]] Result<void> write_new_key_file(const std::filesystem::path& path,
                                              const std::vector<KeyPair>& keys,
                                              const std::string& what);
// The same in the place of the one before, in one step.
[[nodiscard]] Result<void> replace_key_file(const std::filesystem::path& path,
                                            const std::vector<KeyPair>& keys,
                                            const std::string& what);

}  // namespace chat262
