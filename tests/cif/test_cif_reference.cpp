// Every block of the 81 awkward files under ../shared/data/cif_parser against pymatgen 2026.10.24
// (tests/cif/reference/make_cif_structures.py): the same crystal, or a reason why it is none.
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "base/files.h"
#include "cif/byte_source.h"
#include "cif/cif_file.h"
#include "cif/elements.h"
#include "tests/catch.h"
#include "tests/source_folder.h"
#include "tests/temporary_folder.h"

using namespace anneal;

namespace {

/// Blocks that pymatgen reads as an ordered crystal and we refuse, and why it is right to.
const std::map<std::string, std::string> kRefused = {
    // "NH3" is ammonia, of which pymatgen makes nihonium ("CuBr2Nh6")
    {"pymatgen/PF_sd_1002871.cif sm_isp_SD1002871-standardized_unitcell", "implicit_hydrogens"},
    {"pymatgen/PF_sd_1002871.cif sm_isp_SD1002871-published_cell", "implicit_hydrogens"},
};

/// Whether the sites are those of the reference, each once, in any order. Thirds written with few
/// digits are rounded off there and here.
bool same_sites(const Crystal& crystal, const nlohmann::json& expected) {
  std::map<std::string, std::vector<std::array<double, 3>>> left;
  std::size_t count = 0;
  for (const auto& [symbol, list] : expected.items()) {
    for (std::size_t i = 0; i + 2 < list.size(); i += 3, ++count) {
      left[symbol].push_back({list[i], list[i + 1], list[i + 2]});
    }
  }
  if (count != crystal.sites.size()) return false;
  const auto near = [](double u, double v) {
    const double d = u - v;
    return std::abs(d - std::nearbyint(d)) < 1.5e-4;
  };
  for (const Site& site : crystal.sites) {
    auto& same = left[std::string(symbol(site.atomic_number))];
    const auto at = std::find_if(same.begin(), same.end(), [&](const auto& p) {
      return near(p[0], site.position.x) && near(p[1], site.position.y) &&
             near(p[2], site.position.z);
    });
    if (at == same.end()) return false;
    same.erase(at);
  }
  return true;
}

}  // namespace

TEST_CASE("awkward CIFs give pymatgen's crystals, or a reason") {
  const auto data = testing::shared_data();
  if (!data) {
    WARN("skipped: ../shared/data is not there");
    return;
  }
  std::map<std::string, std::vector<nlohmann::json>> expected;
  std::istringstream lines(
      read_file(anneal::testing::source_folder() / "tests/cif/reference/cif_structures.jsonl"));
  for (std::string line; std::getline(lines, line);) {
    auto row = nlohmann::json::parse(line);
    expected[row["file"].get<std::string>()].push_back(std::move(row));
  }
  const auto files = expand_paths((*data / "cif_parser").string());
  CHECK(files.size() == 81);
  std::set<std::string> refused;
  int equal = 0, disordered = 0, implicit = 0, without_structure = 0, beyond = 0;
  for (const auto& file : files) {
    const std::string name = file.lexically_relative(*data / "cif_parser").string();
    const auto blocks = read_cif_blocks(read_all(file));
    REQUIRE_FALSE(blocks.empty());
    for (const auto& block : blocks) {
      INFO(name << " " << block.name << ": " << block.parsed.detail);
      CHECK(block.parsed.crystal.has_value() == (block.parsed.reason == RejectReason::kNone));
      CHECK((block.parsed.crystal || !block.parsed.detail.empty()));
    }
    for (const auto& row : expected[name]) {
      const std::string block_name = row["block"];
      const auto block = std::find_if(blocks.begin(), blocks.end(), [&](const CifBlock& b) {
        // where one of the two cannot read the file as a whole there is one block without a name
        return b.name == block_name ||
               (blocks.size() == 1 && (block_name.empty() || b.name.empty()));
      });
      INFO(name << " " << block_name);
      if (block == blocks.end()) {  // a block without cell and sites
        CHECK(row.contains("error"));
        ++without_structure;
        continue;
      }
      const ParsedCrystal& parsed = block->parsed;
      INFO(reject_name(parsed.reason) << ": " << parsed.detail);
      if (row.contains("error")) {
        beyond += parsed.crystal.has_value();
        without_structure += !parsed.crystal;
      } else if (!row["ordered"].get<bool>()) {
        CHECK_FALSE(parsed.crystal);
        ++disordered;
      } else if (row["implicit_hydrogens"].get<bool>()) {
        CHECK(parsed.reason == RejectReason::kImplicitHydrogens);
        ++implicit;
      } else if (const auto known = kRefused.find(name + " " + block_name);
                 known != kRefused.end()) {
        CHECK(reject_name(parsed.reason) == known->second);
        refused.insert(known->first);
      } else {
        REQUIRE(parsed.crystal);
        CHECK(parsed.crystal->formula() == row["formula"].get<std::string>());
        const UnitCell& c = parsed.crystal->cell;
        const double cell[] = {c.a, c.b, c.c, c.alpha, c.beta, c.gamma};
        for (int k = 0; k < 6; ++k) {
          CHECK(cell[k] == Approx(row["cell"][k].get<double>()).margin(2e-5));
        }
        CHECK(same_sites(*parsed.crystal, row["sites"]));
        ++equal;
      }
    }
  }
  CHECK(refused.size() == kRefused.size());
  CHECK(equal == 45);
  CHECK(implicit == 2);
  CHECK(disordered == 23);
  CHECK(without_structure + beyond == 44);
}
