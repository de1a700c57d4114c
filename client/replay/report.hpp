// The summaries that a run ends with, for people or as one JSON object.
#pragma once

#include <string>

#include "client/replay/deliver.hpp"
#include "client/replay/export.hpp"
#include "client/replay/source.hpp"
#include "client/replay/verify.hpp"

namespace chat262::replay {

[[nodiscard]] std::string summary(DeliverReport& report, bool json);
[[nodiscard]] std::string summary(const ExportReport& report, const std::string& file, bool json);
[[nodiscard]] std::string summary(const VerifyReport& report, const std::vector<SourceFile>& files,
                                  bool json);

}  // namespace chat262::replay
