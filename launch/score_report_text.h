// Small pieces that the sections of a score's page share.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "launch/score_report_facts.h"

namespace anneal {

/// A number of the summary; nothing if it is missing or null.
std::optional<double> number(const nlohmann::ordered_json& object, const std::string& key);
/// "comp_valid" as "comp valid".
std::string words(std::string name);
/// What a rate of the summary is over; "" if it does not say.
std::string denominator_of(const ScoreFacts& facts, const std::string& key);
/// A section of the page; "" if the body is empty. `lead` and `body` are HTML.
std::string section(const char* id, const char* title, const std::string& lead,
                    const std::string& body);

}  // namespace anneal
