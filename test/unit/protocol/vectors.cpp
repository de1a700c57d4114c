#include "vectors.hpp"

#include <cctype>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "protocol/codec.hpp"
#include "samples.hpp"

namespace vectors {

namespace {

std::string hex_lines(ByteView bytes) {
  constexpr char digits[] = "0123456789abcdef";
  constexpr std::size_t bytes_a_line = 24;
  std::string out = "hex    ";
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i != 0 && i % bytes_a_line == 0) out += "\n       ";
    out += ' ';
    out += digits[bytes[i] >> 4];
    out += digits[bytes[i] & 0x0fU];
  }
  return out + "\n";
}

std::string block_of(const std::string& name, const std::string& meaning, const std::string& value,
                     ByteView bytes) {
  return "\nvector  " + name + "\n" + (meaning.empty() ? "" : "meaning " + meaning + "\n") +
         (value.empty() ? "" : "value   " + value + "\n") + hex_lines(bytes);
}

std::string requests() {
  std::string out = "# Client requests: [version, op, client id, number, token, body]\n";
  for (const auto& sample : samples::requests()) {
    const Bytes bytes = chat262::encode_request(sample.message);
    out += block_of(sample.name, sample.meaning, notation(bytes), bytes);
  }
  return out;
}

std::string replies(const std::vector<samples::ReplySample>& all, const std::string& title) {
  std::string out = title;
  for (const auto& sample : all) {
    const Bytes bytes = chat262::encode_reply(sample.message);
    out += block_of(sample.name, sample.meaning, notation(bytes), bytes);
  }
  return out;
}

std::string peer_messages() {
  std::string out =
      "# Peer messages:\n"
      "# [version, feature level, cluster, from, from inc., to inc., kind, body]\n";
  for (const auto& sample : samples::peer_messages()) {
    const Bytes bytes =
        chat262::encode_peer(sample.message, samples::cluster(), sample.claim, sample.wall);
    out += block_of(sample.name, sample.meaning, notation(bytes), bytes);
  }
  return out;
}

std::string entries() {
  std::string out = "# Log records, of seqs counted up from 1; `value` is the decoded head.\n";
  for (const auto& sample : samples::entries()) {
    out += block_of(sample.name, sample.meaning, notation(sample.entry.head),
                    chat262::encode_entry_record(sample.entry));
  }
  return out;
}

}  // namespace

std::vector<std::string> files() {
  return {"requests.txt", "replies.txt", "refusals.txt", "peer.txt", "entries.txt"};
}

std::string expected(const std::string& file) {
  if (file == "requests.txt") return requests();
  if (file == "replies.txt") {
    return replies(samples::replies(), "# Replies that are ok: [version, 0, number, body]\n");
  }
  if (file == "refusals.txt") {
    return replies(samples::refusals(),
                   "# Replies of every other status: [version, status, number, [text, server, "
                   "retry_ms, servers]]\n");
  }
  return file == "peer.txt" ? peer_messages() : entries();
}

std::string path_of(const std::string& file) {
  return std::string(CHAT262_PROTOCOL_DIR) + "/vectors/" + file;
}

std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::map<std::string, Bytes> read(const std::string& file) {
  std::map<std::string, Bytes> out;
  std::istringstream lines(contents(path_of(file)));
  std::string line;
  std::string name;
  bool in_hex = false;
  while (std::getline(lines, line)) {
    if (line.starts_with("vector  ")) name = line.substr(8);
    in_hex = line.starts_with("hex ") || (in_hex && line.starts_with("    "));
    if (!in_hex) continue;
    std::istringstream digits(line.substr(4));
    std::string pair;
    while (digits >> pair) {
      out[name].push_back(static_cast<std::uint8_t>(std::stoul(pair, nullptr, 16)));
    }
  }
  return out;
}

std::string block(const std::string& file, const std::string& name) {
  const std::string text = contents(path_of(file));
  const std::size_t begin = text.find("vector  " + name + "\n");
  if (begin == std::string::npos) throw std::runtime_error("no vector " + name + " in " + file);
  const std::size_t end = text.find("\n\n", begin);
  return end == std::string::npos ? text.substr(begin) : text.substr(begin, end + 1 - begin);
}

}  // namespace vectors
