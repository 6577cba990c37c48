// Distances, distributions, coverage, diversity, novelty, uniqueness: against scipy, matminer and
// pymatgen (tests/cif/reference/make_set_metrics.py).
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "cif/csv.h"
#include "cif/metrics/fingerprint_rows.h"
#include "cif/metrics/wasserstein.h"
#include "cif/score.h"
#include "tests/catch.h"
#include "tests/source_folder.h"
#include "tests/temporary_folder.h"

using namespace anneal;

namespace {

/// A field quoted as RFC 4180 wants it.
std::string quoted(const std::string& field) {
  std::string text = "\"";
  for (const char c : field) text += c == '"' ? std::string("\"\"") : std::string(1, c);
  return text + "\"";
}

std::string csv_line(const std::vector<std::string>& fields) {
  std::string line;
  for (const auto& field : fields) line += (line.empty() ? "" : ",") + quoted(field);
  return line + "\n";
}

ScoreOptions quiet(int threads) {
  ScoreOptions options;
  options.threads = threads;
  options.log = Log(false);
  return options;
}

/// Values from 0 to 1 that look random.
double pseudo_random(int i) { return std::abs(std::fmod(std::sin(i * 12.9898) * 43758.5453, 1.0)); }

}  // namespace

TEST_CASE("nearest and mean distances are those of all pairs") {
  // 23 and 70: not multiples of the block of eight, more than one chunk of 64
  for (const std::size_t width : {1, 5, 61}) {
    FingerprintRows one(width), other(width);
    int seed = 0;
    const auto fill = [&](FingerprintRows& rows, int count) {
      for (int i = 0; i < count; ++i) {
        std::vector<double> row(width);
        for (double& x : row) x = pseudo_random(++seed);
        rows.add(row);
      }
    };
    fill(one, 70);
    fill(other, 23);
    const auto distance = [&](std::span<const double> p, std::span<const double> q) {
      double sum = 0;
      for (std::size_t k = 0; k < width; ++k) sum += (p[k] - q[k]) * (p[k] - q[k]);
      return std::sqrt(sum);
    };
    const auto found = nearest_distances(one, other, 3);
    REQUIRE(found.of_rows.size() == 70);
    REQUIRE(found.of_columns.size() == 23);
    for (std::size_t i = 0; i < 70; ++i) {
      double best = HUGE_VAL;
      for (std::size_t j = 0; j < 23; ++j) best = std::min(best, distance(one[i], other[j]));
      CHECK(found.of_rows[i] == Approx(best).epsilon(1e-14));
    }
    for (std::size_t j = 0; j < 23; ++j) {
      double best = HUGE_VAL;
      for (std::size_t i = 0; i < 70; ++i) best = std::min(best, distance(one[i], other[j]));
      CHECK(found.of_columns[j] == Approx(best).epsilon(1e-14));
    }
    double sum = 0;
    for (std::size_t i = 0; i < 70; ++i) {
      for (std::size_t j = 0; j < i; ++j) sum += distance(one[i], one[j]);
    }
    CHECK(mean_pair_distance(one, 3) == Approx(sum / (70 * 69 / 2)).epsilon(1e-13));
    CHECK(mean_pair_distance(one, 3) == mean_pair_distance(one, 1));
  }
  CHECK(std::isnan(mean_pair_distance(FingerprintRows(3))));
  FingerprintRows row(1);
  row.add(std::vector<double>{1});
  CHECK(std::isinf(nearest_distances(row, FingerprintRows(1)).of_rows[0]));
}

TEST_CASE("Wasserstein distances are scipy's") {
  // scipy 1.17.1: wasserstein_distance(u, v)
  CHECK(wasserstein_distance({0, 1, 3}, {5, 6, 8}) == Approx(5.0));
  CHECK(wasserstein_distance({3.4, 3.9, 7.5, 7.8}, {4.5, 1.4}) == Approx(2.7));
  CHECK(wasserstein_distance({2, 2, 2}, {2}) == 0);
  CHECK(wasserstein_distance({1, 2, 2, 7}, {2, 3, 3}) == Approx(1.6666666666666667));
  CHECK(std::isnan(wasserstein_distance({}, {1})));
}

TEST_CASE("set metrics equal those of matminer, pymatgen and scipy") {
  const auto data = testing::shared_data();
  if (!data) {
    WARN("skipped: ../shared/data is not there");
    return;
  }
  testing::TemporaryFolder folder;
  // the same rows as in make_set_metrics.py
  std::string text = "lengths,angles,species,coords\n";
  {
    CsvReader reader(*data / "generated/llamat2_parsed_first_3000.csv");
    std::vector<std::string> row, lines;
    while (lines.size() < 70 && reader.next(row)) lines.push_back(csv_line(row));
    for (const auto& line : lines) text += line;
    for (int i = 0; i < 7; ++i) text += lines[i];
    write_file_atomic(folder / "generated.csv", text);
  }
  {
    CsvReader reader(*data / "cif/mp.csv");
    text = "material_id,cif\n";
    int rows = 0;
    for (std::vector<std::string> row; rows < 60 && reader.next(row);) {
      if (std::stoi(row[reader.column("nsites")]) > 6) continue;
      text += csv_line({row[0], row[reader.column("cif")]});
      ++rows;
    }
    write_file_atomic(folder / "reference.csv", text);
  }
  auto options = quiet(2);
  options.reference = ScoreReference{.input = folder / "reference.csv"};
  score_file(folder / "generated.csv", folder / "one", options);
  const auto found = nlohmann::json::parse(read_file(folder / "one/summary.json"));
  const auto expected = nlohmann::json::parse(
      read_file(anneal::testing::source_folder() / "tests/cif/reference/set_metrics.json"));
  for (const auto& [name, value] : expected.items()) {
    if (name == "versions") continue;
    INFO(name);
    // counts are equal; structure fingerprints differ by up to 1e-3 in a component of a few sites,
    // whose weights the reference rounds to three decimals (test_fingerprint.cpp)
    CHECK(found.at(name).get<double>() == Approx(value.get<double>()).epsilon(1e-4));
    if (!name.starts_with("set_"))
      CHECK_FALSE(found["denominators"][name].get<std::string>().empty());
  }
  CHECK(expected.size() > 20);

  for (int rank = 0; rank < 3; ++rank) {
    options.rank = rank;
    options.world_size = 3;
    score_file(folder / "generated.csv", folder / "ranks", options);
  }
  options.rank = 0;
  merge_score_parts(folder / "generated.csv", folder / "ranks", options);
  for (const char* name : {"verdicts.jsonl", "summary.json"}) {
    CHECK(read_file(folder / "one" / name) == read_file(folder / "ranks" / name));
  }
  CHECK(expand_paths((folder / "ranks").string()).size() == 2);

  // a set against itself is covered and known, and no part of it may be left out unseen
  options = quiet(2);
  options.reference = ScoreReference{.input = folder / "reference.csv", .most = 40};
  score_file(folder / "reference.csv", folder / "self", options);
  const auto self = nlohmann::json::parse(read_file(folder / "self/summary.json"));
  CHECK(self["total"] == 60);
  CHECK(self["set_generated"] == 40);
  CHECK(self["cov_precision"] == 1.0);
  CHECK(self["novelty_by_matching"] == 0.0);
  CHECK(self["amsd_precision"] == 0.0);
}

TEST_CASE("a reference without crystals is an error before any file is written") {
  testing::TemporaryFolder folder;
  write_file_atomic(folder / "in.jsonl",
                    "{\"text\": \"4.0 4.0 4.0\\n90 90 90\\nFe\\n0.0 0.0 0.0\"}\n");
  write_file_atomic(folder / "empty.csv", "id,cif\n");
  auto options = quiet(1);
  options.reference = ScoreReference{.input = folder / "empty.csv"};
  CHECK_THROWS_AS(score_file(folder / "in.jsonl", folder / "out", options), DataError);
  CHECK_FALSE(std::filesystem::exists(folder / "out/summary.json"));
  options.reference = ScoreReference{.input = folder / "missing.csv"};
  CHECK_THROWS_AS(score_file(folder / "in.jsonl", folder / "out", options), DataError);
}
