// data/crystal_source: copies, translations, shares, limits and faults of crystal sources.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "cif/cif_file.h"
#include "cif/crystal_string.h"
#include "cif/elements.h"
#include "data/crystal_source.h"
#include "data/facts.h"
#include "tests/catch.h"
#include "tests/temporary_folder.h"

using namespace anneal;

namespace {

std::vector<Document> read_all(DocumentReader& reader) {
  std::vector<Document> documents;
  while (auto document = reader.next()) documents.push_back(*std::move(document));
  return documents;
}

/// `count` built-in crystals as a table with a column cif.
std::string table(std::size_t count, const std::string& extra_row = "") {
  const auto facts = read_fact_crystals(facts_folder() / "crystals.csv");
  std::string csv = "material_id,spacegroup,cif\n";
  for (std::size_t i = 0; i < count; ++i) {
    csv += fmt::format("{},{},\"{}\"\n", facts[i].id, facts[i].spacegroup,
                       write_cif(facts[i].crystal));
  }
  return csv + extra_row;
}

SourceOptions source(const std::filesystem::path& path, const std::string& kind) {
  SourceOptions options;
  options.kind = kind;
  options.path = path.string();
  return options;
}

}  // namespace

TEST_CASE("plain crystals: copies are translations, and the seed decides all") {
  testing::TemporaryFolder folder;
  write_file_atomic(folder / "c.csv", table(60));
  auto options = source(folder / "c.csv", "crystals");
  options.copies = 3;
  const auto documents = read_all(*open_crystal_source("c", options, 5));
  REQUIRE(documents.size() == 180);
  const auto facts = read_fact_crystals(facts_folder() / "crystals.csv");
  std::set<std::string> texts;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    REQUIRE(documents[i].spans.size() == 1);
    CHECK(documents[i].spans[0].loss);
    CHECK_FALSE(documents[i].ends_itself);
    CHECK(documents[i].origin == fmt::format("{}#{}", (folder / "c.csv").string(), i / 3 + 1));
    texts.insert(documents[i].spans[0].text);
    const auto parsed = parse_crystal_string(documents[i].spans[0].text);
    REQUIRE(parsed.crystal);
    const auto& truth = facts[i / 3].crystal;
    CHECK(parsed.crystal->composition() == truth.composition());
    // every site moved by the same vector (two decimals are printed: 0.005 twice)
    for (const double axis : {0.0, 1.0, 2.0}) {
      const auto get = [&](const Site& s) {
        return axis == 0 ? s.position.x : axis == 1 ? s.position.y : s.position.z;
      };
      const double shift = get(parsed.crystal->sites[0]) - get(truth.sites[0]);
      for (std::size_t k = 0; k < truth.sites.size(); ++k) {
        const double d = get(parsed.crystal->sites[k]) - get(truth.sites[k]) - shift;
        CHECK(std::abs(d - std::round(d)) < 0.0101);
      }
    }
  }
  CHECK(texts.size() == 180);
  const auto same = read_all(*open_crystal_source("c", options, 5));
  const auto other = read_all(*open_crystal_source("c", options, 6));
  for (std::size_t i = 0; i < documents.size(); ++i) CHECK(same[i].spans == documents[i].spans);
  CHECK(other[0].spans != documents[0].spans);
}

TEST_CASE("tasks are dealt out evenly; a list of tasks selects") {
  testing::TemporaryFolder folder;
  write_file_atomic(folder / "c.csv", table(130));
  auto options = source(folder / "c.csv", "crystal_tasks");
  options.copies = 2;
  std::map<std::string, int> systems;
  int replace = 0, infill = 0;
  const auto documents = read_all(*open_crystal_source("c", options, 1));
  CHECK(documents.size() == 260);
  for (const auto& document : documents) {
    REQUIRE(document.spans.size() == 3);
    CHECK(document.ends_itself);
    CHECK(document.spans[1].loss);
    CHECK(document.spans[1].text.ends_with("<|im_end|>"));
    replace += document.spans[0].text.find("Can you replace") != std::string::npos;
    infill += document.spans[0].text.find("[MASK]") != std::string::npos;
  }
  // 260 / 13 = 20; crystals of one site pass `replace` over
  CHECK(infill >= 20);
  CHECK(infill <= 21);
  CHECK(replace >= 18);
  options.tasks = {"infill"};
  for (const auto& document : read_all(*open_crystal_source("c", options, 1))) {
    CHECK(document.spans[0].text.find("[MASK]") != std::string::npos);
  }
  options.tasks = {"all:short", "infill"};
  std::size_t longest = 0;
  const auto with_short = read_all(*open_crystal_source("c", options, 1));
  CHECK(with_short.size() == 260);
  for (const auto& document : with_short) {
    const auto& question = document.spans[0].text;
    if (question.find("Below is a CIF file") == std::string::npos) continue;
    longest = std::max(longest, question.size());
    CHECK(question.find("_atom_site_occupancy") == std::string::npos);
    // the tags that pymatgen's CifParser asks for, and all that our reader needs
    for (const char* tag : {"_atom_site_label\n", "_symmetry_space_group_name_H-M 'P 1'\n", "_cell_angle_gamma "}) {
      CHECK(question.find(tag) != std::string::npos);
    }
    const auto begin = question.find("data_");
    CHECK(read_cif(question.substr(begin, question.find("\n\n", begin) - begin)).crystal);
  }
  CHECK(longest < 1100);
  options.tasks = {"infil:short"};
  CHECK_THROWS_AS(open_crystal_source("c", options, 1), UsageError);
}

TEST_CASE("crystal prompts: 66 to 34, conditions or none, loss on the answer") {
  testing::TemporaryFolder folder;
  write_file_atomic(folder / "c.csv", table(200));
  auto options = source(folder / "c.csv", "crystal_prompts");
  options.copies = 10;
  int generation = 0, unconditional = 0;
  const auto documents = read_all(*open_crystal_source("c", options, 3));
  REQUIRE(documents.size() == 2000);
  for (const auto& document : documents) {
    REQUIRE(document.spans.size() == 2);
    CHECK_FALSE(document.spans[0].loss);
    CHECK(document.spans[1].loss);
    CHECK_FALSE(document.ends_itself);
    if (document.spans[0].text.find("[MASK]") == std::string::npos) {
      ++generation;
      unconditional += document.spans[0].text == unconditional_prompt();
      const auto parsed = parse_crystal_string(document.spans[1].text);
      REQUIRE(parsed.crystal);
      if (document.spans[0].text != unconditional_prompt()) {
        const std::string formula = "The chemical formula is " + parsed.crystal->formula() + ". ";
        CHECK(document.spans[0].text.find(formula) != std::string::npos);
        CHECK(document.spans[0].text.find("The spacegroup number is ") != std::string::npos);
      }
    } else {
      CHECK(atomic_number(document.spans[1].text) > 0);
    }
  }
  // binomial: four standard deviations of 0.66 and (one known condition) of 1/2
  CHECK(std::abs(generation / 2000.0 - 0.66) < 4 * std::sqrt(0.66 * 0.34 / 2000));
  CHECK(std::abs(double(unconditional) / generation - 0.5) < 4 * std::sqrt(0.25 / generation));
}

TEST_CASE("limits, rows that are no crystal, and nothing at all") {
  testing::TemporaryFolder folder;
  write_file_atomic(folder / "c.csv", table(40, "bad,P1,\"no crystal\"\n"));
  auto options = source(folder / "c.csv", "crystals");
  options.max_sites = 1;
  auto reader = open_crystal_source("c", options, 1);
  const auto small = read_all(*reader);
  CHECK(small.size() == 3);
  CHECK(reader->note().find("1 rows that are no crystal (first: ") == 0);
  CHECK(reader->note().find("c.csv#41") != std::string::npos);
  CHECK(reader->note().find("37 crystals of more than 1 sites left out") != std::string::npos);
  options.max_documents = 2;
  CHECK(read_all(*open_crystal_source("c", options, 1)).size() == 2);
  options = source(folder / "c.csv", "crystal_tasks");
  options.max_sites = 1;
  options.tasks = {"replace"};
  CHECK_THROWS_AS(open_crystal_source("c", options, 1)->next(), DataError);
  write_file_atomic(folder / "d.csv", "material_id,cif\nx,nothing\n");
  CHECK_THROWS_AS(open_crystal_source("d", source(folder / "d.csv", "crystals"), 1)->next(),
                  DataError);
  write_file_atomic(folder / "e.csv", "material_id,structure\nx,nothing\n");
  CHECK_THROWS_AS(open_crystal_source("e", source(folder / "e.csv", "crystals"), 1)->next(),
                  DataError);
}

TEST_CASE("real tables of crystals become documents") {
  const auto shared = testing::shared_data();
  if (!shared) {
    WARN("skipped: ../shared/data is not there");
    return;
  }
  auto options = source(*shared / "cif" / "perov_5_val.csv", "crystal_tasks");
  options.max_documents = 300;
  CHECK(read_all(*open_crystal_source("perov", options, 1)).size() == 300);
  options = source(*shared / "generated" / "llamat2_parsed_first_3000.csv", "crystal_prompts");
  options.max_documents = 200;
  CHECK(read_all(*open_crystal_source("generated", options, 1)).size() == 200);
}
