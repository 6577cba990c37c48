// Scoring files: oracles, outputs, threads, ranks.
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "base/files.h"
#include "cif/score.h"
#include "tests/catch.h"
#include "tests/temporary_folder.h"

using namespace anneal;

namespace {
ScoreOptions quiet(int threads = 2) {
  ScoreOptions options;
  options.threads = threads;
  options.log = Log(false);
  return options;
}
}  // namespace

TEST_CASE("oracle sets score as with pymatgen and SMACT 2.2.1") {
  const auto data = testing::shared_data();
  if (!data) {
    WARN("skipped: ../shared/data is not there");
    return;
  }
  testing::TemporaryFolder folder;
  // design/llamat.md section 6
  const auto perov = score_file(*data / "cif/perov_5_val.csv", folder / "perov", quiet());
  CHECK(perov.total == 3787);
  CHECK(*perov.struct_valid_rate() == 1.0);
  CHECK(*perov.comp_valid_rate() == Approx(.987325).margin(5e-7));
  CHECK(*perov.mean_density() == Approx(5.953907).margin(5e-7));
  CHECK(*perov.mean_num_elements() == Approx(3.828888).margin(5e-7));
  CHECK(*perov.mean_num_atoms() == 5);
  const auto carbon = score_file(*data / "cif/carbon_24_val.csv", folder / "carbon", quiet());
  CHECK(carbon.total == 2032);
  CHECK(*carbon.valid_rate() == 1.0);
  CHECK(*carbon.mean_density() == Approx(3.161332).margin(5e-7));
  CHECK(*carbon.mean_num_elements() == 1);
  CHECK(*carbon.mean_num_atoms() == Approx(9.1959).margin(5e-5));
  const auto mp = score_file(*data / "cif/mp.csv", folder / "mp", quiet());
  CHECK(mp.total == 2473);
  CHECK(*mp.struct_valid_rate() == 1.0);
  CHECK(*mp.comp_valid_rate() == Approx(.876264).margin(5e-7));
}

TEST_CASE("real generations: every one has a verdict, the failed ones a reason each") {
  const auto data = testing::shared_data();
  if (!data) {
    WARN("skipped: ../shared/data is not there");
    return;
  }
  testing::TemporaryFolder folder;
  const auto good =
      score_file(*data / "generated/llamat2_parsed_first_3000.csv", folder / "good", quiet());
  CHECK(good.total == 3000);
  const auto failed =
      score_file(*data / "generated/llamat2_failed_first_90.csv", folder / "failed", quiet());
  CHECK(failed.total == 90);
  CHECK(failed.parsed == 0);
  std::int64_t reasons = 0;
  for (const auto& [name, count] : failed.reasons) {
    CHECK_FALSE(name.empty());
    reasons += count;
  }
  CHECK(reasons == 90);
}

TEST_CASE("the files do not depend on threads and ranks") {
  testing::TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 2000; ++i) {
    text += fmt::format(
        "{{\"text\": \"{}.0 4.0 4.0\\n90 90 {}\\nFe\\n0.{:02} 0.00 0.00\\nO\\n0.50 0.50 0.50\"}}\n",
        2 + i % 7, 60 + i % 90, i % 100);
    if (i % 9 == 0) text += "{\"text\": \"nothing \\\"to\\\" see\"}\n";
  }
  write_file_atomic(folder / "in.jsonl", text);
  const auto one = score_file(folder / "in.jsonl", folder / "one", quiet(1));
  score_file(folder / "in.jsonl", folder / "four", quiet(4));
  for (const char* name : {"verdicts.jsonl", "summary.json"}) {
    CHECK(read_file(folder / "one" / name) == read_file(folder / "four" / name));
  }
  for (int rank = 0; rank < 3; ++rank) {
    auto options = quiet(2);
    options.rank = rank;
    options.world_size = 3;
    score_file(folder / "in.jsonl", folder / "ranks", options);
  }
  CHECK_FALSE(std::filesystem::exists(folder / "ranks/summary.json"));
  auto options = quiet(1);
  options.world_size = 3;
  const auto merged = merge_score_parts(folder / "in.jsonl", folder / "ranks", options);
  CHECK(merged.total == one.total);
  for (const char* name : {"verdicts.jsonl", "summary.json"}) {
    CHECK(read_file(folder / "one" / name) == read_file(folder / "ranks" / name));
  }
  CHECK(expand_paths((folder / "ranks").string()).size() == 2);

  const auto summary = nlohmann::json::parse(read_file(folder / "one/summary.json"));
  CHECK(summary["total"] == 2223);
  CHECK(summary["parsed"] == 2000);
  CHECK(summary["reasons"]["bad_number"] == 223);
  CHECK(summary["denominators"]["valid_rate"] == "total");
  std::istringstream lines(read_file(folder / "one/verdicts.jsonl"));
  std::string line;
  std::int64_t count = 0;
  while (std::getline(lines, line)) {
    const Verdict verdict = verdict_from_json(line);
    CHECK(verdict.index == count++);
    CHECK(to_json(verdict) == line);
  }
  CHECK(count == 2223);
}

TEST_CASE("parts add fields to verdicts and keys to the summary, for any threads and ranks") {
  // judges the number of atoms: a field a crystal, and their sum
  class AtomCount : public ScorePart {
   public:
    int batch_rows() const override { return 7; }
    void judge(std::span<const CrystalRecord> records, std::span<Verdict> verdicts) const override {
      for (std::size_t i = 0; i < records.size(); ++i) {
        const auto& crystal = records[i].parsed.crystal;
        verdicts[i].extra["atoms_twice"] =
            crystal ? nlohmann::ordered_json(2.0 * crystal->sites.size()) : nullptr;
      }
    }
    void add(const Verdict& verdict) override {
      if (!verdict.extra["atoms_twice"].is_null())
        sum_ += verdict.extra["atoms_twice"].get<double>();
    }
    void finish(nlohmann::ordered_json& summary) override {
      summary["atoms_twice_sum"] = sum_;
      summary["denominators"]["atoms_twice_sum"] = "none";
    }

   private:
    double sum_ = 0;
  };
  testing::TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 300; ++i) {
    text += i % 5 == 0
                ? "{\"text\": \"nothing\"}\n"
                : "{\"text\": \"4.0 4.0 4.0\\n90 90 90\\nFe\\n0.0 0.0 0.0\\nO\\n0.5 0.5 0.5\"}\n";
  }
  write_file_atomic(folder / "in.jsonl", text);
  auto options = quiet(3);
  options.parts = {std::make_shared<AtomCount>()};
  score_file(folder / "in.jsonl", folder / "one", options);
  const auto summary = nlohmann::json::parse(read_file(folder / "one/summary.json"));
  CHECK(summary["atoms_twice_sum"] == 240 * 4);
  CHECK(summary["denominators"]["atoms_twice_sum"] == "none");
  std::istringstream lines(read_file(folder / "one/verdicts.jsonl"));
  for (std::string line; std::getline(lines, line);) {
    const Verdict verdict = verdict_from_json(line);
    CHECK(verdict.extra.size() == 1);
    CHECK(verdict.extra["atoms_twice"].is_null() == !verdict.parsed);
    CHECK(to_json(verdict) == line);
  }
  for (int rank = 0; rank < 2; ++rank) {
    options.rank = rank;
    options.world_size = 2;
    options.parts = {std::make_shared<AtomCount>()};
    score_file(folder / "in.jsonl", folder / "ranks", options);
  }
  options.parts = {std::make_shared<AtomCount>()};
  merge_score_parts(folder / "in.jsonl", folder / "ranks", options);
  for (const char* name : {"verdicts.jsonl", "summary.json"}) {
    CHECK(read_file(folder / "one" / name) == read_file(folder / "ranks" / name));
  }
}

TEST_CASE("verdicts of odd crystals") {
  const std::vector<std::string> texts = {"3.0 3.0 3.0\n90 90 90\nFe\n0.10 0.20 0.30",
                                          "3.0 3.0 3.0\n120 120 120\nNa\n0 0 0\nCl\n.5 .5 .5",
                                          "\xff\xfe garbage"};
  const auto scored = score_texts(texts, quiet());
  CHECK(to_json(scored.verdicts[0]).find("\"min_distance_a\": null, \"struct_valid\": true") !=
        std::string::npos);
  CHECK(scored.verdicts[1].reason == "impossible_cell");
  CHECK(scored.verdicts[1].comp_valid);
  CHECK(nlohmann::json::parse(to_json(scored.verdicts[2]))["parsed"] == false);
  const auto nothing = score_texts({}, quiet());
  CHECK(nothing.summary.total == 0);
  CHECK(nlohmann::json::parse(to_json(nothing.summary, quiet()))["valid_rate"].is_null());
}

TEST_CASE("bad input leaves nothing that looks whole") {
  testing::TemporaryFolder folder;
  write_file_atomic(folder / "empty.csv", "id,cif\n");
  CHECK_THROWS_AS(score_file(folder / "empty.csv", folder / "out", quiet()), DataError);
  CHECK(expand_paths((folder / "out").string()).empty());
  write_file_atomic(folder / "cut.csv", "id,cif\n1,\"data_x\n");
  CHECK_THROWS_AS(score_file(folder / "cut.csv", folder / "out", quiet()), DataError);
  CHECK(expand_paths((folder / "out").string()).empty());
}

TEST_CASE("a generated CIF ends where its text ends") {
  testing::TemporaryFolder folder;
  const std::string cif =
      "data_NaCl\n_cell_length_a 4\n_cell_length_b 4\n_cell_length_c 4\n_cell_angle_alpha 90\n"
      "_cell_angle_beta 90\n_cell_angle_gamma 90\nloop_\n_atom_site_type_symbol\n"
      "_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\nNa 0 0 0\nCl 0.5 0.5 0.5\n";
  const std::string markers[] = {"", "</s>", "<|im_end|>\nO 0.1 0.1 0.1", "<|end_of_text|>"};
  for (const std::string& marker : markers) {
    const auto scored = score_texts(std::vector<std::string>{cif + marker}, quiet(1));
    INFO(marker << scored.verdicts[0].detail);
    CHECK(scored.verdicts[0].parsed);
    CHECK(scored.verdicts[0].num_atoms == 2);
  }
}

TEST_CASE("nothing of an earlier score seems to belong to a new one") {
  testing::TemporaryFolder folder;
  write_file_atomic(folder / "in.jsonl", "{\"text\": \"4 4 4\\n90 90 90\\nNa\\n0 0 0\"}\n");
  score_file(folder / "in.jsonl", folder / "out", quiet());
  write_file_atomic(folder / "out/report.html", "of the earlier score");
  write_file_atomic(folder / "empty.jsonl", "");
  CHECK_THROWS_AS(score_file(folder / "empty.jsonl", folder / "out", quiet()), DataError);
  CHECK_FALSE(std::filesystem::exists(folder / "out/report.html"));
  CHECK_FALSE(std::filesystem::exists(folder / "out/summary.json"));
}
