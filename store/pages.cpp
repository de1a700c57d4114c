#include "store/pages.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

namespace chat262::store {

namespace {

constexpr std::size_t header_bytes = 16;  // of a page: number, pad, flags, lower, upper
constexpr std::size_t node_bytes = 8;     // before a node's key
constexpr std::size_t tree_bytes = 48;    // what is stored of a database
constexpr std::uint32_t magic = 0xBEEFC0DE;
constexpr std::uint32_t data_version = 1;
constexpr std::uint64_t no_page = ~std::uint64_t{0};
constexpr std::size_t trees_at = header_bytes + 24;  // in a head page: the free and the main tree
constexpr std::size_t last_page_at = trees_at + 2 * tree_bytes;
constexpr std::size_t transaction_at = last_page_at + 8;
constexpr unsigned depth_max = 32;
constexpr std::size_t key_bytes_max = 511;

constexpr unsigned branch_page = 1, leaf_page = 2, overflow_page = 4, head_page = 8;
constexpr unsigned big_data = 1, sub_database = 2;

template <class T>
T load(const std::uint8_t* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

bool key_less(ByteView a, ByteView b, bool numbers) {
  if (numbers && a.size() == 8 && b.size() == 8) {
    return load<std::uint64_t>(a.data()) < load<std::uint64_t>(b.data());
  }
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
}

}  // namespace

struct Pages::Tree {
  unsigned flags = 0;
  unsigned depth = 0;
  std::uint64_t branches = 0, leaves = 0, overflows = 0, entries = 0;
  std::uint64_t root = no_page;

  static Tree read(const std::uint8_t* at) {
    Tree tree;
    tree.flags = load<std::uint16_t>(at + 4);
    tree.depth = load<std::uint16_t>(at + 6);
    tree.branches = load<std::uint64_t>(at + 8);
    tree.leaves = load<std::uint64_t>(at + 16);
    tree.overflows = load<std::uint64_t>(at + 24);
    tree.entries = load<std::uint64_t>(at + 32);
    tree.root = load<std::uint64_t>(at + 40);
    return tree;
  }
};

// One walk over everything that a head page leads to.
struct Pages::Walk {
  const Pages& file;
  const Each& each;
  std::uint64_t last_page = 0;
  std::vector<bool> met;  // by page number
  std::string flaw;
  enum class Kind { free, main, named } kind = Kind::main;
  std::string database;
  bool numbers = false;  // keys are numbers in this machine's byte order
  Bytes last_key;
  bool any_key = false;
  Tree counted;
  std::vector<std::pair<std::string, Tree>> named;

  void wrong(std::uint64_t page, const char* what) {
    if (flaw.empty()) flaw = "page " + std::to_string(page) + ": " + what;
  }

  [[nodiscard]] const std::uint8_t* at(std::uint64_t page) const {
    return file.bytes_ + page * file.page_bytes_;
  }
  [[nodiscard]] bool in_file(std::uint64_t page, std::uint64_t count = 1) const {
    return page >= 2 && page <= last_page && count <= last_page - page + 1 &&
           (page + count) * file.page_bytes_ <= file.size_;
  }

  // False if these pages are used twice.
  bool take(std::uint64_t page, std::uint64_t count) {
    for (std::uint64_t p = page; p < page + count; ++p) {
      if (met[p]) {
        wrong(p, "it is used twice");
        return false;
      }
      met[p] = true;
    }
    return true;
  }

  void tree(const Tree& expected) {
    counted = {};
    any_key = false;
    numbers = (expected.flags & 8U) != 0;
    if (expected.root == no_page) {
      if (expected.depth != 0 || expected.entries != 0) wrong(0, "an empty tree that is not empty");
      return;
    }
    if (expected.depth == 0 || expected.depth > depth_max) {
      wrong(expected.root, "a tree of a senseless depth");
      return;
    }
    page(expected.root, expected.depth, std::nullopt, std::nullopt);
    if (counted.branches != expected.branches || counted.leaves != expected.leaves ||
        counted.overflows != expected.overflows || counted.entries != expected.entries) {
      wrong(expected.root, "pages or records are missing below it");
    }
  }

  // `low`, `high`: what the branch above says of the keys here.
  void page(std::uint64_t number, unsigned depth, std::optional<ByteView> low,
            std::optional<ByteView> high) {
    if (!in_file(number)) return wrong(number, "it is outside the file");
    if (!take(number, 1)) return;
    const std::uint8_t* const start = at(number);
    const unsigned lower = load<std::uint16_t>(start + 12);
    const unsigned upper = load<std::uint16_t>(start + 14);
    if (load<std::uint64_t>(start) != number) return wrong(number, "its number is another");
    if (load<std::uint16_t>(start + 10) != (depth > 1 ? branch_page : leaf_page)) {
      return wrong(number, "it is of another kind");
    }
    if (lower < header_bytes || lower % 2 != 0 || lower > upper || upper > file.page_bytes_) {
      return wrong(number, "its bounds are senseless");
    }
    ++(depth > 1 ? counted.branches : counted.leaves);
    nodes(number, depth, low, high, upper, (lower - header_bytes) / 2);
  }

  void nodes(std::uint64_t number, unsigned depth, std::optional<ByteView> low,
             std::optional<ByteView> high, unsigned upper, unsigned count) {
    struct Node {
      ByteView key;
      const std::uint8_t* start = nullptr;
    };
    std::vector<Node> found;
    const std::uint8_t* const start = at(number);
    std::size_t bytes = 0;
    for (unsigned i = 0; i < count; ++i) {
      const unsigned offset = load<std::uint16_t>(start + header_bytes + 2 * i);
      if (offset < upper || offset % 2 != 0 || offset + node_bytes > file.page_bytes_) {
        wrong(number, "a record's place is senseless");
        continue;
      }
      const std::uint8_t* const node = start + offset;
      const unsigned key_bytes = load<std::uint16_t>(node + 6);
      const bool rest = depth > 1 && i == 0;  // the first key of a branch says nothing
      if (key_bytes > key_bytes_max || offset + node_bytes + key_bytes > file.page_bytes_ ||
          (key_bytes == 0 && !rest)) {
        wrong(number, "a key's length is senseless");
        continue;
      }
      const ByteView key(node + node_bytes, key_bytes);
      if (!rest) {
        const bool above = (!low || !key_less(key, *low, numbers)) &&
                           (found.empty() || (depth > 1 && found.size() == 1 && i == 1) ||
                            key_less(found.back().key, key, numbers));
        if (!above || (high && !key_less(key, *high, numbers))) {
          wrong(number, "its keys are not in order");
          continue;
        }
      }
      bytes += node_bytes + key_bytes;
      found.push_back({key, node});
      if (depth == 1) bytes += leaf(number, node, key);
      bytes += bytes % 2;
    }
    if (upper + bytes != file.page_bytes_) wrong(number, "its records do not fill it");
    if (depth == 1) return;
    if (count < 2) wrong(number, "a branch without two arms");
    for (std::size_t i = 0; i < found.size(); ++i) {
      const std::uint8_t* const node = found[i].start;
      const std::uint64_t child = load<std::uint16_t>(node) |
                                  std::uint64_t{load<std::uint16_t>(node + 2)} << 16 |
                                  std::uint64_t{load<std::uint16_t>(node + 4)} << 32;
      page(child, depth - 1, i == 0 ? low : std::optional(found[i].key),
           i + 1 < found.size() ? std::optional(found[i + 1].key) : high);
    }
  }

  // How many bytes of the page the value takes.
  std::size_t leaf(std::uint64_t number, const std::uint8_t* node, ByteView key) {
    const std::size_t size = load<std::uint16_t>(node) | std::size_t{load<std::uint16_t>(node + 2)}
                                                             << 16;
    const unsigned flags = load<std::uint16_t>(node + 4);
    const std::uint8_t* value = key.data() + key.size();
    const std::uint8_t* const end = at(number) + file.page_bytes_;
    const std::size_t inside = (flags & big_data) != 0 ? 8 : size;
    if ((flags & ~(big_data | sub_database)) != 0 ||
        inside > static_cast<std::size_t>(end - value)) {
      wrong(number, "a record's length is senseless");
      return 0;
    }
    if (any_key && !key_less(last_key, key, numbers)) {
      wrong(number, "its keys are not in order");
      return inside;
    }
    last_key.assign(key.begin(), key.end());
    any_key = true;
    ++counted.entries;
    if ((flags & big_data) != 0) {
      const auto first = load<std::uint64_t>(value);
      const std::uint64_t count = (header_bytes - 1 + size) / file.page_bytes_ + 1;
      if (!in_file(first, count)) {
        wrong(first, "it is outside the file");
        return inside;
      }
      if (!take(first, count)) return inside;
      value = at(first);
      if (load<std::uint64_t>(value) != first || load<std::uint16_t>(value + 10) != overflow_page ||
          load<std::uint32_t>(value + 12) != count) {
        wrong(first, "it is not what a long record points to");
        return inside;
      }
      counted.overflows += count;
      value += header_bytes;
    }
    record(number, key, {value, size}, flags);
    return inside;
  }

  void record(std::uint64_t number, ByteView key, ByteView value, unsigned flags) {
    if (kind == Kind::free) return free_pages(number, value);
    if (kind == Kind::main && (flags & sub_database) != 0) {
      if (value.size() != tree_bytes) return wrong(number, "a database's record is too short");
      named.emplace_back(std::string(key.begin(), key.end()), Tree::read(value.data()));
      return;
    }
    if ((flags & sub_database) != 0) return wrong(number, "a database where a record should be");
    each(database, key, value);
  }

  // A list of free pages: how many, then their numbers. A page in use must not be in one: the next
  // write would go over it.
  void free_pages(std::uint64_t number, ByteView value) {
    const std::uint64_t count = value.size() < 8 ? no_page : load<std::uint64_t>(value.data());
    if (value.size() % 8 != 0 || count != value.size() / 8 - 1) {
      return wrong(number, "a list of free pages of another length");
    }
    for (std::uint64_t i = 1; i <= count; ++i) {
      const auto page = load<std::uint64_t>(value.data() + 8 * i);
      if (page < 2 || page > last_page) return wrong(number, "a free page outside the file");
      take(page, 1);
    }
  }
};

Result<Pages> Pages::open(const std::filesystem::path& file) {
  Pages pages;
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return fail(errno == ENOENT ? Errc::not_found : Errc::system,
                file.string() + ": " + std::strerror(errno));
  }
  struct stat info {};
  if (::fstat(fd, &info) == 0 && info.st_size > 0) {
    pages.size_ = static_cast<std::size_t>(info.st_size);
    void* const map = ::mmap(nullptr, pages.size_, PROT_READ, MAP_SHARED, fd, 0);
    if (map != MAP_FAILED) pages.bytes_ = static_cast<const std::uint8_t*>(map);
  }
  ::close(fd);
  if (pages.bytes_ == nullptr && pages.size_ > 0) {
    pages.size_ = 0;
    return fail(Errc::system, file.string() + " cannot be read");
  }
  // The size of a page stands in the head pages, in the free tree's place for something else.
  for (const std::size_t bytes : {4096, 8192, 16384, 32768, 65536}) {
    if (pages.size_ < 2 * bytes) break;
    const auto* const second = pages.bytes_ + bytes;
    if (load<std::uint64_t>(second) == 1 && load<std::uint32_t>(second + trees_at) == bytes) {
      pages.page_bytes_ = bytes;
      break;
    }
  }
  return pages;
}

Pages::Pages(Pages&& other) noexcept
    : bytes_(std::exchange(other.bytes_, nullptr)),
      size_(other.size_),
      page_bytes_(other.page_bytes_) {}

Pages::~Pages() {
  if (bytes_ != nullptr) ::munmap(const_cast<std::uint8_t*>(bytes_), size_);  // NOLINT
}

bool Pages::head_whole(unsigned head) const {
  if (size_ < 2 * page_bytes_) return false;
  const std::uint8_t* const start = bytes_ + head * page_bytes_;
  return load<std::uint64_t>(start) == head && load<std::uint16_t>(start + 10) == head_page &&
         load<std::uint32_t>(start + header_bytes) == magic &&
         load<std::uint32_t>(start + header_bytes + 4) == data_version &&
         load<std::uint32_t>(start + trees_at) == page_bytes_;
}

std::uint64_t Pages::transaction(unsigned head) const {
  return load<std::uint64_t>(bytes_ + head * page_bytes_ + transaction_at);
}

std::vector<unsigned> Pages::heads() const {
  std::vector<unsigned> whole;
  for (const unsigned head : {0U, 1U}) {
    if (head_whole(head)) whole.push_back(head);
  }
  if (whole.size() == 2 && transaction(0) < transaction(1)) std::swap(whole[0], whole[1]);
  return whole;
}

std::string Pages::walk(unsigned head, const Each& each) const {
  const std::uint8_t* const start = bytes_ + head * page_bytes_;
  Walk walk{*this, each};
  walk.last_page = load<std::uint64_t>(start + last_page_at);
  if (walk.last_page > size_ / page_bytes_ + (1U << 20))
    return "the head names pages beyond the file";
  walk.met.resize(walk.last_page + 1);
  walk.kind = Walk::Kind::main;
  walk.tree(Tree::read(start + trees_at + tree_bytes));
  walk.kind = Walk::Kind::named;
  for (auto& [name, tree] : walk.named) {
    walk.database = name;
    walk.tree(tree);
  }
  walk.kind = Walk::Kind::free;
  walk.tree(Tree::read(start + trees_at));
  return walk.flaw;
}

std::string Pages::flaw(const Each& each) const {
  if (size_ == 0) return {};
  const auto whole = heads();
  if (whole.size() < 2) return "a head page is damaged";
  const std::uint64_t even = transaction(0);
  const std::uint64_t odd = transaction(1);
  const bool fresh = even == 0 && odd == 0;
  if (!fresh && (even % 2 != 0 || odd % 2 != 1 || (even > odd ? even - odd : odd - even) != 1)) {
    return "the numbers of the head pages do not fit each other";
  }
  return walk(whole.front(), each);
}

}  // namespace chat262::store
