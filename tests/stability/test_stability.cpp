// Stability of crystals: the energies are those that test_chgnet.cpp compares with the Python
// package; here, what is made of them, and that whatever cannot be judged has a reason.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "cif/crystal_table.h"
#include "cif/stability/stability_part.h"
#include "tests/catch.h"
#include "tests/temporary_folder.h"

using namespace anneal;
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

std::optional<Chgnet> model() {
  if (!fs::exists(chgnet_weights_path())) {
    WARN("skipped: the weights of CHGNet are not at " << chgnet_weights_path()
                                                      << " (launch/chgnet_weights fetches them)");
    return std::nullopt;
  }
  return Chgnet::load(chgnet_weights_path());
}

/// A P1 crystal of a cubic cell.
std::string cif(double a, const std::vector<std::pair<std::string, std::array<double, 3>>>& sites) {
  std::string text = fmt::format(
      "data_x\n_cell_length_a {0}\n_cell_length_b {0}\n_cell_length_c {0}\n_cell_angle_alpha 90\n"
      "_cell_angle_beta 90\n_cell_angle_gamma 90\nloop_\n_atom_site_type_symbol\n"
      "_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n",
      a);
  for (const auto& [symbol, f] : sites)
    text += fmt::format("{} {} {} {}\n", symbol, f[0], f[1], f[2]);
  return text;
}

std::string rocksalt(double a, const std::string& one, const std::string& other) {
  return cif(a, {{one, {0, 0, 0}},
                 {one, {.5, .5, 0}},
                 {one, {.5, 0, .5}},
                 {one, {0, .5, .5}},
                 {other, {.5, 0, 0}},
                 {other, {0, .5, 0}},
                 {other, {0, 0, .5}},
                 {other, {.5, .5, .5}}});
}

CrystalRecord record_of(const std::string& text) {
  CrystalRecord record;
  record.parsed = parse_crystal_text(text);
  return record;
}

HullSources sources_of(const fs::path& file, const std::string& text) {
  write_file_atomic(file, text);
  HullSources sources;
  add_entries(file, sources);
  return sources;
}

Json judged(const StabilityPart& part, const std::string& text) {
  const std::vector<CrystalRecord> records = {record_of(text)};
  std::vector<Verdict> verdicts = {judge(records[0])};
  part.judge(records, verdicts);
  return verdicts[0].extra;
}

constexpr const char* kNaClHull =
    "formula,energy_per_atom,id\nNa,-1.30,na\nCl2,-1.85,cl\nNaCl,-3.66,salt\n";

}  // namespace

TEST_CASE("energy over the hull: of the crystal as given, or relaxed") {
  auto net = model();
  if (!net) return;
  testing::TemporaryFolder folder;
  const auto stretched = rocksalt(5.9, "Na", "Cl");
  StabilityOptions options;
  options.relax = false;
  const StabilityPart given(std::move(*net), sources_of(folder / "hull.csv", kNaClHull), options);
  const auto as_given = judged(given, stretched);
  CHECK(as_given["stability_reason"].is_null());
  CHECK(as_given["relaxed_energy_per_atom"].is_null());
  const double e = as_given["energy_per_atom"];
  CHECK(as_given["e_above_hull"].get<double>() == Approx(e + 3.66).margin(1e-9));
  CHECK(as_given["decomposition"] == "1 NaCl (salt)");

  options.relax = true;
  const StabilityPart relaxing(*model(), sources_of(folder / "hull.csv", kNaClHull), options);
  const auto relaxed = judged(relaxing, stretched);
  CHECK(relaxed["energy_per_atom"] == as_given["energy_per_atom"]);
  CHECK(relaxed["relaxation_converged"] == true);
  CHECK(relaxed["relaxed_energy_per_atom"].get<double>() < e - 0.001);
  CHECK(relaxed["e_above_hull"].get<double>() ==
        Approx(relaxed["relaxed_energy_per_atom"].get<double>() + 3.66).margin(1e-9));
}

TEST_CASE("rates are over all crystals, the mean over those with an energy over the hull") {
  auto net = model();
  if (!net) return;
  testing::TemporaryFolder folder;
  StabilityOptions options;
  options.relax = false;
  StabilityPart part(std::move(*net), sources_of(folder / "hull.csv", kNaClHull), options);
  // near the minimum, far above the hull, an element without a reference, no crystal
  const std::string texts[] = {rocksalt(5.64, "Na", "Cl"), rocksalt(7.5, "Na", "Cl"),
                               rocksalt(6.3, "K", "Cl"), "data_x\n"};
  double sum = 0;
  for (const auto& text : texts) {
    const std::vector<CrystalRecord> records = {record_of(text)};
    std::vector<Verdict> verdicts = {judge(records[0])};
    part.judge(records, verdicts);
    if (verdicts[0].extra["e_above_hull"].is_number())
      sum += verdicts[0].extra["e_above_hull"].get<double>();
    // as merging ranks does: through text
    part.add(verdict_from_json(to_json(verdicts[0])));
  }
  Json summary;
  part.finish(summary);
  CHECK(summary["with_energy"] == 3);
  CHECK(summary["with_e_above_hull"] == 2);
  CHECK(summary["metastable_rate"] == 0.25);
  CHECK(summary["stable_rate"] == 0.25);  // -3.666 is below the -3.66 of this hull
  CHECK(summary["mean_e_above_hull"].get<double>() == Approx(sum / 2));
  CHECK(summary["hull"]["compositions"] == 3);
  CHECK(summary["hull"]["warnings"][0].get<std::string>().find("3 entries do not say how") == 0);
}

TEST_CASE("without a hull the energy over it is null, and the summary says why") {
  auto net = model();
  if (!net) return;
  StabilityOptions options;
  options.relax = false;
  StabilityPart part(std::move(*net), {}, options);
  const auto fields = judged(part, rocksalt(5.64, "Na", "Cl"));
  CHECK(fields["energy_per_atom"].is_number());
  CHECK(fields["e_above_hull"].is_null());
  Json summary;
  part.finish(summary);
  CHECK(summary["metastable_rate"].is_null());
  CHECK(summary["hull"]["reason"].get<std::string>().find("--hull") != std::string::npos);
}

TEST_CASE("a crystal that cannot be judged has a reason") {
  auto net = model();
  if (!net) return;
  testing::TemporaryFolder folder;
  StabilityOptions options;
  options.max_atoms = 8;
  options.relaxation.max_steps = 5;
  const StabilityPart part(std::move(*net), sources_of(folder / "hull.csv", kNaClHull), options);
  const auto reason = [&](const std::string& text) {
    const auto fields = judged(part, text);
    CHECK(fields["e_above_hull"].is_null());
    return fields["stability_reason"].get<std::string>();
  };
  CHECK(reason("data_x\n") == "no crystal");
  CHECK(reason(rocksalt(5.6, "K", "Cl")) == "the hull has no elemental reference of K");
  CHECK(reason(cif(4, {{"Bk", {0, 0, 0}}})) == "element 97 is unknown to CHGNet");
  CHECK(reason(cif(12, {{"Ar", {0, 0, 0}}})) == "1 of 1 atoms have no neighbour within 6 A");
  CHECK(reason(cif(4, {{"Na", {0, 0, 0}}, {"Cl", {0, 0, 0}}})) ==
        "two atoms are in the same place");
  CHECK(reason(cif(0.01, {{"Na", {0, 0, 0}}})).find("bonds") != std::string::npos);
  std::vector<std::pair<std::string, std::array<double, 3>>> many;
  for (int i = 0; i < 10000; ++i)
    many.push_back({"Na", {(i % 22) / 22.0, (i / 22 % 22) / 22.0, (i / 484) / 22.0}});
  CHECK(reason(cif(90, many)) == "10000 atoms, more than 8");
  // deuterium is hydrogen; noble gases are elements like others
  CHECK(judged(part, cif(3, {{"D", {0, 0, 0}}}))["energy_per_atom"] ==
        judged(part, cif(3, {{"H", {0, 0, 0}}}))["energy_per_atom"]);
  CHECK(judged(part, cif(4, {{"Xe", {0, 0, 0}}}))["energy_per_atom"].is_number());
}

TEST_CASE(
    "a hull of crystals has energies computed in the same way: each of them is on or over it") {
  auto net = model();
  if (!net) return;
  testing::TemporaryFolder folder;
  write_file_atomic(folder / "na.cif", cif(4.2, {{"Na", {0, 0, 0}}, {"Na", {.5, .5, .5}}}));
  write_file_atomic(folder / "salt.cif", rocksalt(5.7, "Na", "Cl"));
  write_file_atomic(folder / "salt2.cif", cif(3.5, {{"Na", {0, 0, 0}}, {"Cl", {.5, .5, .5}}}));
  write_file_atomic(folder / "cl.cif", cif(5, {{"Cl", {0.3, 0, 0}}, {"Cl", {.7, 0, 0}}}));
  write_file_atomic(folder / "not.cif", "data_x\n_cell_length_a x\n_atom_site_type_symbol Q\n");
  CHECK(holds_crystals(folder.path()));
  StabilityOptions options;
  const Log silent(false);
  HullSources hull;
  // two ranks' shares, added up, are those of one
  auto whole = evaluate_crystals(folder.path(), *net, options, 2, 0, 1, silent);
  auto first = evaluate_crystals(folder.path(), *net, options, 1, 0, 2, silent);
  const auto second = evaluate_crystals(folder.path(), *net, options, 1, 1, 2, silent);
  for (std::size_t i = 0; i < whole.energy_per_atom.size(); ++i) {
    CHECK(whole.energy_per_atom[i] == first.energy_per_atom[i] + second.energy_per_atom[i]);
  }
  add_crystals(std::move(whole), hull);
  CHECK(hull.sources[0].used == 4);
  CHECK(hull.entries.size() == 4);
  const StabilityPart part(std::move(*net), std::move(hull), options);
  CHECK(std::abs(judged(part, rocksalt(5.7, "Na", "Cl"))["e_above_hull"].get<double>()) < 1e-9);
  CHECK(judged(part, cif(3.5, {{"Na", {0, 0, 0}}, {"Cl", {.5, .5, .5}}}))["e_above_hull"]
            .get<double>() > 0);
}

TEST_CASE("entries of another functional are named") {
  testing::TemporaryFolder folder;
  const auto sources = sources_of(
      folder / "hull.json",
      R"([{"energy": -1.3, "composition": {"Na": 1}, "entry_id": "a", "parameters": {"run_type": "R2SCAN"}, "correction": -0.1},
          {"energy": -6.3, "composition": {"K": 1, "Cl": 1}, "entry_id": "b", "parameters": {"run_type": "GGA"}, "correction": 0}])");
  const auto warnings = sources.warnings();
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].find("1 entries are of R2SCAN") == 0);
  CHECK(sources.sources[0].in_words().find("brought along by 1") != std::string::npos);
}
