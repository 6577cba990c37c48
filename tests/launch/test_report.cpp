// The report over a made-up run: every section is there, nothing breaks on damage, text is escaped.
#include <cmath>
#include <fstream>

#include "base/error.h"
#include "base/files.h"
#include "launch/report.h"
#include "launch/report_data.h"
#include "launch/report_html.h"
#include "tests/catch.h"
#include "tests/launch/made_up_run.h"
#include "tests/temporary_folder.h"

using namespace anneal;
using anneal::testing::TemporaryFolder;

namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string page_of(const std::filesystem::path& folder) {
  write_report(folder, "A made-up run");
  return read_file(folder / "report.html");
}

}  // namespace

TEST_CASE("Wilson intervals equal published values") {
  // Newcombe 1998, table I: 81/263, 15/148, 0/20, 1/29 (method 3)
  CHECK(wilson(81, 263).low == Approx(0.2553).margin(5e-5));
  CHECK(wilson(81, 263).high == Approx(0.3662).margin(5e-5));
  CHECK(wilson(15, 148).low == Approx(0.0624).margin(5e-5));
  CHECK(wilson(0, 20).low == 0);
  CHECK(wilson(0, 20).high == Approx(0.1611).margin(5e-5));
  CHECK(wilson(1, 29).high == Approx(0.1718).margin(5e-5));
  CHECK(wilson(20, 20).high == 1);
  CHECK(wilson(0, 0).high == 1);
}

TEST_CASE("axis marks are round and inside") {
  CHECK(axis_marks(0, 10, 5) == std::vector<double>{0, 2, 4, 6, 8, 10});
  CHECK(axis_marks(2.1, 3.9, 4).front() == Approx(2.5));
  CHECK(axis_marks(3, 3, 5).size() == 1);
}

TEST_CASE("the page of a whole pipeline holds every section and no reference to a network") {
  const TemporaryFolder folder;
  testing::make_run(folder.path());
  const std::string page = page_of(folder.path());
  for (const char* id : {"stages", "validity", "crystals", "loss", "heldout", "mixture", "recipes"}) {
    INFO(id);
    CHECK(has(page, std::string("<section id='") + id + "'"));
  }
  CHECK_FALSE(has(page, "http:"));
  CHECK_FALSE(has(page, "https:"));
  CHECK_FALSE(has(page, "src="));
  CHECK(has(page, "forgetting"));
  CHECK(has(page, "untrained model"));
  CHECK(has(page, "real crystals"));
  CHECK(has(page, "without the grammar"));
  CHECK(has(page, "missing coordinates"));
  CHECK(has(page, "<canvas"));
  CHECK(has(page, "stage: train"));
  CHECK(has(page, "0.1.0"));
  CHECK_FALSE(has(page, "What is missing"));
}

TEST_CASE("the table in the terminal names stages, results and intervals") {
  const TemporaryFolder folder;
  testing::make_run(folder.path());
  const std::string table = summary_table(folder.path());
  CHECK(has(table, "cpt "));
  CHECK(has(table, "3m 02s"));
  CHECK(has(table, "trained model"));
  CHECK(has(table, "83.2 % [79.7, 86.2]"));
  CHECK(has(table, "papers"));
}

TEST_CASE("names from the run cannot become markup or end the script") {
  const TemporaryFolder folder;
  testing::make_run(folder.path());
  std::ofstream(folder / "summary.json") << R"({"stages": [{"name": "cpt", "kind": "<b>x</b>", "status": "</script>", "metrics": 3}]})";
  std::ofstream(folder / "cpt/metrics.jsonl") << R"({"step": 1, "split": "</script><i>", "loss": 2, "perplexity": 7})" << "\n"
                                              << R"({"step": 1, "tokens": 5, "loss": 2})" << "\n"
                                              << R"({"step": 2, "tokens": 9, "loss": 1})" << "\n";
  const std::string page = page_of(folder.path());
  CHECK_FALSE(has(page, "<b>x</b>"));
  CHECK_FALSE(has(page, "</script><i>"));
  CHECK(has(page, "&lt;b&gt;x"));
}

TEST_CASE("what is missing or damaged is named, and the rest is shown") {
  const TemporaryFolder folder;
  testing::make_run(folder.path());
  SECTION("no summary: the pipeline was interrupted") {
    std::filesystem::remove(folder / "summary.json");
    const std::string page = page_of(folder.path());
    CHECK(has(page, "the pipeline was interrupted"));
    CHECK(has(page, "<section id='loss'"));
  }
  SECTION("a summary cut short") {
    std::ofstream(folder / "summary.json") << "{\"stages\": [{";
    CHECK(has(page_of(folder.path()), "summary.json could not be read"));
  }
  SECTION("a line of metrics cut short, a manifest damaged, samples gone") {
    std::ofstream(folder / "cpt/metrics.jsonl", std::ios::app) << "{\"step\": 9";
    std::ofstream(folder / "cpt/shards/manifest.json") << "[]";
    std::filesystem::remove(folder / "generate/generations.jsonl");
    const std::string page = page_of(folder.path());
    CHECK(has(page, "1 line of metrics.jsonl could not be read"));
    CHECK(has(page, "shards/manifest.json could not be read"));
    CHECK(has(page, "generations.jsonl is missing or empty"));
  }
  SECTION("one stage alone") {
    const std::string page = page_of(folder / "cpt");
    CHECK(has(page, "<section id='loss'"));
    CHECK(has(page, "summary.json is missing"));
  }
  SECTION("an empty folder") {
    std::filesystem::create_directory(folder / "empty");
    CHECK(has(page_of(folder / "empty"), "the folder holds no stage"));
    CHECK(has(summary_table(folder / "empty"), "the folder holds no stage"));
  }
  CHECK_THROWS_AS(write_report(folder / "nowhere", "x"), DataError);
}

TEST_CASE("a resumed run's repeated steps count once, and the last line counts") {
  const TemporaryFolder folder;
  std::ofstream(folder / "metrics.jsonl") << R"({"step": 1, "tokens": 10, "loss": 3})" << "\n" << R"({"step": 2, "tokens": 20, "loss": 2})" << "\n"
                                          << R"({"step": 2, "tokens": 20, "loss": 1})" << "\n" << R"({"step": 3, "tokens": 30, "loss": NaN})" << "\n"
                                          << R"({"step": 0, "split": "a", "loss": 4})" << "\n" << R"({"step": 2, "split": "a", "loss": 2})" << "\n";
  const RunReport run = read_run(folder.path());
  REQUIRE(run.stages.size() == 1);
  REQUIRE(run.stages[0].steps.size() == 2);
  CHECK(run.stages[0].steps[1].loss == 1);
  CHECK(run.stages[0].heldout.at("a")[0].tokens == 0);
  CHECK(run.stages[0].heldout.at("a")[1].tokens == 20);
}
