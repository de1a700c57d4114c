// What stands in a trace: short words for the types of the protocol.
#pragma once

#include <string>

#include "broker/replica/io.hpp"

namespace chat262::test {

[[nodiscard]] std::string text_of(ServerId server);
[[nodiscard]] std::string text_of(const Epoch& epoch);        // 3.0
[[nodiscard]] std::string text_of(const Position& position);  // 3.0/17
[[nodiscard]] std::string text_of(const RequestId& request);
[[nodiscard]] std::string text_of(const View& view);  // {0,2}
[[nodiscard]] std::string text_of(const replica::Persist& write);
[[nodiscard]] std::string text_of(const replica::Routing& routing);
[[nodiscard]] std::string text_of(const std::vector<ServerId>& servers);  // 0 2

// "1..3" or "1"; of consecutive entries.
[[nodiscard]] std::string span_of(const std::vector<Entry>& entries);

// The kind: "Append". And the kind with what matters: "Append 4..5 after 3.0/3 commit 3".
[[nodiscard]] std::string kind_of(const peer::Body& body);
[[nodiscard]] std::string detail_of(const peer::Body& body);

}  // namespace chat262::test
