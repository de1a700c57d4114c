// An LMDB file read without LMDB, which trusts every page that it meets: a flipped bit in a page's
// header or in a branch can crash it, or make it write over what is in use. Here nothing is
// trusted. The layout is that of LMDB 0.9 (data version 1) on this machine's byte order.
//
// For a file that nobody has open.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/ids.hpp"
#include "protocol/result.hpp"

namespace chat262::store {

class Pages {
 public:
  // Maps DATA.MDB to read. Errors: not_found, system.
  static Result<Pages> open(const std::filesystem::path& file);
  Pages(Pages&& other) noexcept;
  Pages& operator=(Pages&&) = delete;
  ~Pages();

  // A record of a database ("" is the unnamed one); in key order, as far as pages can be read.
  using Each = std::function<void(std::string_view database, ByteView key, ByteView value)>;

  // The two head pages, by which of them looks newer; damaged ones are left out.
  [[nodiscard]] std::vector<unsigned> heads() const;
  // Number of the transaction that wrote a head page.
  [[nodiscard]] std::uint64_t transaction(unsigned head) const;

  // Looks at every page that `head` leads to, free ones included. Returns what is wrong first; ""
  // if the structure is whole. Says nothing of the records' content.
  [[nodiscard]] std::string walk(unsigned head, const Each& each) const;

  // walk() of the newest head, and whether the two heads fit each other.
  [[nodiscard]] std::string flaw(const Each& each) const;

 private:
  struct Tree;
  struct Walk;
  Pages() = default;
  [[nodiscard]] bool head_whole(unsigned head) const;

  const std::uint8_t* bytes_ = nullptr;
  std::size_t size_ = 0;
  std::size_t page_bytes_ = 4096;
};

}  // namespace chat262::store
