// The page of a score: sections, numbers, hostile names, extremes of size.
#include <fmt/core.h>

#include <fstream>

#include "base/error.h"
#include "base/files.h"
#include "cif/score.h"
#include "launch/score_report.h"
#include "launch/score_report_facts.h"
#include "tests/catch.h"
#include "tests/temporary_folder.h"

using namespace anneal;
using anneal::testing::TemporaryFolder;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

/// Scores a JSONL of these lines and returns the page.
std::string page_of(const TemporaryFolder& folder, const std::string& lines,
                    const std::string& reference = "") {
  std::ofstream(folder / "in.jsonl") << lines;
  ScoreOptions options;
  options.threads = 1;
  options.log = Log(false);
  score_file(folder / "in.jsonl", folder / "out", options);
  write_score_report(folder / "out",
                     {.input = folder / "in.jsonl", .reference = reference, .log = Log(false)});
  return read_file(folder / "out/report.html");
}

const char* const kSalt =
    "{\"id\": \"salt\", \"text\": \"4.0 4.0 4.0\\n60 60 60\\nNa\\n0.0 0.0 0.0\\nCl\\n0.5 0.5 "
    "0.5\"}\n";
const char* const kOxide =
    "{\"id\": \"oxide\", \"text\": \"4.2 4.2 4.2\\n90 90 90\\nMg\\n0.0 0.0 0.0\\nO\\n0.5 0.5 "
    "0.5\"}\n";
const char* const kTooClose =
    "{\"id\": \"close\", \"text\": \"4.0 4.0 4.0\\n90 90 90\\nFe\\n0.00 0.0 0.0\\nO\\n0.01 0.0 "
    "0.0\"}\n";
const char* const kNothing = "{\"id\": \"none\", \"text\": \"nothing to see\"}\n";

}  // namespace

TEST_CASE("histograms count, and their quantiles are right to within a step") {
  Histogram h(0, 0.1, 100);
  for (int i = 0; i < 1000; ++i) h.add(0.005 + i * 0.01);  // 0.005 .. 9.995
  h.add(-1);
  h.add(10.5);
  h.add(NAN);
  CHECK(h.count() == 1002);
  CHECK(h.below() == 1);
  CHECK(h.above() == 1);
  CHECK(h.quantile(.5) == Approx(5).margin(.1));
  CHECK(h.quantile(0) == 0);
  CHECK(h.quantile(1) == Approx(10));
  CHECK(h.between(1, 2) == 100);
}

TEST_CASE("the extremes are kept, one a formula") {
  Extremes lowest(2);
  const auto add = [&](double key, const char* formula) {
    JudgedCrystal judged;
    judged.verdict.formula = formula;
    lowest.add(key, judged);
  };
  add(3, "A");
  add(2, "B");
  add(1, "B");
  add(NAN, "C");
  add(2.5, "D");
  REQUIRE(lowest.kept().size() == 2);
  CHECK(lowest.kept()[0].first == 1);
  CHECK(lowest.kept()[0].second.verdict.formula == "B");
  CHECK(lowest.kept()[1].second.verdict.formula == "D");
}

TEST_CASE("a reservoir is even: every thousandth of the stream has its part") {
  Reservoir<int> sample(5000);
  for (int i = 0; i < 100000; ++i) sample.add(i);
  REQUIRE(sample.kept().size() == 5000);
  int low = 0;
  for (const int i : sample.kept()) low += i < 50000;
  CHECK(std::abs(low - 2500) < 180);  // five standard deviations of a binomial, sqrt(5000 / 4) = 35
}

TEST_CASE("elements of a formula") {
  CHECK(elements_of_formula("Li3Fe2(PO4)3") == std::vector<int>{3, 26, 15, 8});
  CHECK(elements_of_formula("").empty());
}

TEST_CASE("the page holds every section that there is something for, and nothing from outside") {
  const TemporaryFolder folder;
  const std::string page =
      page_of(folder, std::string(kSalt) + kOxide + kTooClose + kNothing, folder / "in.jsonl");
  for (const char* id : {"rates", "reasons", "crystals", "elements", "distributions", "rules"}) {
    INFO(id);
    CHECK(has(page, std::string("<section id='") + id + "'"));
    CHECK(has(page, std::string("<a href='#") + id + "'"));
  }
  for (const char* outside : {"http:", "https:", "src=", "@import", "url("})
    CHECK_FALSE(has(page, outside));
  CHECK(
      has(page, "Of 4 crystals, 3 (75.0\u00a0%) could be read; 50.0\u00a0% are structurally and"));
  CHECK(has(page, "bad number"));
  CHECK(count(page, "<canvas") == 3);
  CHECK(count(page, "class='other'") + count(page, "c1 other") ==
        4);  // the reference beside each rate
  // 2 of 4 structurally valid; Wilson 95 %: 15.0 to 85.0 (Newcombe 1998, method 3)
  CHECK(has(page, "2 of 4, 95 percent interval 15.0 to 85.0 percent"));
  CHECK(has(page, "id='el-diff'"));
  CHECK(has(page, "Na: 33.33 %, 1 crystals"));
  CHECK(has(page, "two sites 0.04 Å apart"));
  CHECK(has(page, "Fm-3m"));
  // accessible: figures have names, canvases can be reached by keyboard, a language is said
  CHECK(count(page, "<svg") == count(page, "role='img' aria-label='") - count(page, "<canvas") -
                                   count(page, "<div role='img'"));
  CHECK(count(page, "<canvas tabindex='0'") == 3);
  CHECK(has(page, "<html lang='en'>"));
}

TEST_CASE("names from the input cannot become markup or end the script") {
  const TemporaryFolder folder;
  const std::string hostile =
      R"({"id": "</script><script>alert(1)</script><img onerror='x'>", "text": "4.0 4.0 4.0\n60 60 60\nNa\n0.0 0.0 0.0\nCl\n0.5 0.5 0.5"})";
  const std::string page =
      page_of(folder, hostile + "\n" + kOxide +
                          "{\"id\": \"\\ud800\\u0000'\\\"\", \"text\": \"</script>\"}\n");
  CHECK_FALSE(has(page, "<script>alert"));
  CHECK_FALSE(has(page, "<img"));
  CHECK(has(page, "&lt;/script&gt;&lt;script&gt;alert(1)"));
}

TEST_CASE("one crystal, and none at all") {
  const TemporaryFolder folder;
  SECTION("one") {
    const std::string page = page_of(folder, kSalt);
    CHECK(has(page, "One crystal, NaCl: the structure is valid, the composition is valid."));
    CHECK(has(page, "<canvas"));
    CHECK_FALSE(has(page, "id='reasons'"));
  }
  SECTION("none can be read") {
    const std::string page = page_of(folder, std::string(kNothing) + kNothing);
    CHECK(has(page, "Of 2 crystals, 0 (0.0\u00a0%) could be read"));
    CHECK(has(page, "id='reasons'"));
    CHECK_FALSE(has(page, "id='elements'"));
    CHECK_FALSE(has(page, "id='distributions'"));
    CHECK_FALSE(has(page, "<canvas"));
    CHECK_FALSE(has(page, "nan"));
  }
  SECTION("the input is gone since") {
    page_of(folder, std::string(kSalt) + kOxide);
    std::filesystem::remove(folder / "in.jsonl");
    write_score_report(folder / "out",
                       {.input = folder / "in.jsonl", .reference = "", .log = Log(false)});
    CHECK(has(read_file(folder / "out/report.html"), "could not be read again"));
  }
  SECTION("no score there") {
    CHECK_THROWS_AS(write_score_report(folder.path(), {.input = "x", .reference = ""}), DataError);
  }
}

TEST_CASE("energies of --stability and keys of other parts are shown as the files have them") {
  const TemporaryFolder folder;
  page_of(folder, std::string(kSalt) + kOxide);
  std::string verdicts = read_file(folder / "out/verdicts.jsonl");
  double energy = 0.02;
  for (auto at = verdicts.find("}\n"); at != std::string::npos; at = verdicts.find("}\n", at + 3)) {
    const std::string extra =
        fmt::format(", \"e_above_hull\": {}, \"energy_per_atom\": -3.5", energy);
    verdicts.insert(at, extra);
    at += extra.size();
    energy += 0.3;
  }
  std::ofstream(folder / "out/verdicts.jsonl") << verdicts;
  auto summary = nlohmann::ordered_json::parse(read_file(folder / "out/summary.json"));
  summary["metastable_rate"] = 0.5;
  summary["stable_rate"] = 0;
  summary["mean_e_above_hull"] = 0.17;
  summary["novelty"] = 0.5;
  summary["set_valid"] = 2;
  summary["charge_neutral_rate"] = 1.0;
  summary["denominators"]["metastable_rate"] = "total";
  summary["denominators"]["novelty"] = "set_valid";
  summary["denominators"]["charge_neutral_rate"] = "total";
  summary["hull"] = {{"entries", "my_entries.csv"}};
  std::ofstream(folder / "out/summary.json") << summary.dump();
  write_score_report(folder / "out",
                     {.input = folder / "in.jsonl", .reference = "", .log = Log(false)});
  const std::string page = read_file(folder / "out/report.html");
  CHECK(has(page, "id='stability'"));
  CHECK(has(page, "id='comparison'"));
  CHECK(has(page, "charge neutral"));
  CHECK_FALSE(has(page, "%%"));
  CHECK(has(page, "my_entries.csv"));
  CHECK(has(page, "above the hull 0.020 eV/atom"));
  CHECK(has(page, "50.0\u00a0% lie within 0.1 eV/atom of the hull."));
  // the best first: the salt, with the lower energy
  CHECK(page.find("Unit cell of NaCl") < page.find("Unit cell of MgO"));
}

TEST_CASE("the page of many crystals is no larger than that of a few hundred") {
  const TemporaryFolder folder;
  const auto lines = [](int n) {
    std::string text;
    for (int i = 0; i < n; ++i) {
      text += fmt::format(
          "{{\"id\": \"{}\", \"text\": \"{}.{} 4.0 4.0\\n90 90 90\\n{}\\n0.0 0.0 0.0\\n{}\\n0.5 "
          "0.5 0.{}\"}}\n",
          std::string(40, 'x'), 3 + i % 5, i % 10, i % 3 ? "Na" : "Li", i % 2 ? "Cl" : "F", i % 10);
    }
    return text;
  };
  const auto few = page_of(folder, lines(500)).size(), many = page_of(folder, lines(20000)).size();
  CHECK(many < few + 4000);
  CHECK(many < 200000);
}
