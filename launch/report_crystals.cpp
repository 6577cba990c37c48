// A few generated crystals: formula, cell, sites, and a drawing that can be turned.
#include <set>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "cif/crystal_string.h"
#include "launch/report_card.h"
#include "launch/report_html.h"
#include "launch/report_sections.h"

namespace anneal {
namespace {

constexpr std::size_t kShown = 6;

struct Shown {
  std::int64_t index;
  Crystal crystal;
  nlohmann::json verdict;
};

bool flag(const nlohmann::json& verdict, const char* key) {
  return verdict.is_object() && verdict.contains(key) && verdict[key].is_boolean() && verdict[key].get<bool>();
}

/// The verdicts on this stage's samples: its own, or those of the score stage that judged it.
Verdicts verdicts_on(const RunReport& run, const StageReport& stage) {
  if (!stage.verdicts.empty()) return stage.verdicts;
  for (const auto& other : run.stages) {
    const auto found = other.judged.find(stage.name);
    if (found != other.judged.end()) return found->second;
  }
  return {};
}

/// Valid ones first, then any that parse; each formula once; in the order of generation.
std::vector<Shown> choose(const RunReport& run, const StageReport& stage) {
  const Verdicts verdicts = verdicts_on(run, stage);
  std::vector<Shown> chosen;
  std::set<std::string> formulas;
  for (const bool only_valid : {true, false}) {
    for (const auto& sample : stage.generated) {
      if (chosen.size() == kShown) return chosen;
      const auto found = verdicts.find(sample.index);
      const nlohmann::json verdict = found == verdicts.end() ? nlohmann::json() : found->second;
      if (only_valid && !(flag(verdict, "struct_valid") && flag(verdict, "comp_valid"))) continue;
      const auto parsed = parse_crystal_string(crystal_part(sample.text));
      if (!parsed.crystal || !parsed.crystal->cell.possible() || parsed.crystal->sites.size() > 200) continue;
      if (formulas.insert(parsed.crystal->formula()).second) chosen.push_back({sample.index, *parsed.crystal, verdict});
    }
  }
  return chosen;
}

std::string card(const Shown& shown) {
  const auto& [index, crystal, verdict] = shown;
  std::string judged = "not judged";
  if (verdict.is_object()) {
    const bool structure = flag(verdict, "struct_valid"), composition = flag(verdict, "comp_valid");
    judged = structure && composition ? "valid" : structure ? "composition not valid" : composition ? "structure not valid" : "not valid";
  }
  return crystal_card(crystal, fmt::format("sample {}, <em class='{}'>{}</em>", index, judged == "valid" ? "better" : "worse", judged));
}

}  // namespace

std::string crystals_section(const RunReport& run) {
  std::string html;
  for (const auto& stage : run.stages) {
    // Samples made only to compare with are judged in numbers above; here is what the model made.
    if (stage.generated.empty() || stage.name.find("untrained") != std::string::npos || stage.name.find("baseline") != std::string::npos) continue;
    std::string cards;
    for (const auto& shown : choose(run, stage)) cards += card(shown);
    if (!cards.empty()) html += fmt::format("<h3>{}</h3><div class='cards three'>{}</div>", escape_html(stage.name), cards);
  }
  if (html.empty()) return "";
  return "<section id='crystals'><h2>A few of the crystals</h2><p class='lead'>Samples with different formulas as the model wrote them, the valid ones first: chosen to be looked at, not to judge by. Drag to turn (or arrow keys); two fingers, or + and −, to come nearer.</p>" + html + "</section>\n";
}

}  // namespace anneal
