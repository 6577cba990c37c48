// Pipelines: stages, the rule for overrides, stage: references; and every recipe of the project loads.
#include <fstream>

#include "base/error.h"
#include "recipes/recipe.h"
#include "tests/catch.h"
#include "tests/recipes/contains.h"
#include "tests/source_folder.h"
#include "tests/temporary_folder.h"

using namespace anneal;
using anneal::testing::TemporaryFolder;
using anneal::testing::Contains;

namespace {

/// A pipeline of four stages in a folder of its own.
struct Project {
  TemporaryFolder folder;
  std::filesystem::path file = folder / "pipeline.yaml";

  Project() {
    write("pipeline.yaml", "name: tiny\nrun: {seed: 5}\nstages:\n  - {name: corpus, recipe: corpus.yaml}\n"
                           "  - {name: cpt, recipe: cpt.yaml}\n  - {name: generate, recipe: generate.yaml}\n"
                           "  - {recipe: score.yaml}\n");
    write("corpus.yaml", "stage: corpus\n");
    write("cpt.yaml", "stage: train\ntokenizer: {path: stage:corpus/tok}\ndata: {sources: {papers: {path: stage:corpus/papers.txt}}}\n");
    write("generate.yaml", "stage: generate\nmodel: {from: stage:cpt}\n");
    write("score.yaml", "stage: score\nscore: {input: stage:generate/generations.jsonl}\n");
  }
  void write(const std::string& name, const std::string& text) const { std::ofstream(folder / name) << text; }

  Recipe stage(const std::string& name, const std::vector<std::string>& sets = {}) const {
    std::vector<Override> overrides;
    for (const auto& set : sets) overrides.push_back(parse_override(set));
    const Pipeline pipeline = load_pipeline(file, overrides);
    for (const auto& s : pipeline.stages) {
      if (s.name == name) return load_stage(pipeline, s, file, overrides);
    }
    throw std::runtime_error("no such stage");
  }
  std::string fault(const std::vector<std::string>& sets = {}) const {
    try {
      stage("cpt", sets);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "no fault";
  }
};

}  // namespace

TEST_CASE("a pipeline gives its stages folder, seed and each other's paths") {
  const Project project;
  CHECK(is_pipeline(project.file));
  CHECK_FALSE(is_pipeline(project.folder / "cpt.yaml"));
  const Recipe cpt = project.stage("cpt");
  CHECK(cpt.run.dir == "runs/tiny/cpt");
  CHECK(cpt.run.seed == 5);
  CHECK(cpt.name == "cpt");
  CHECK(cpt.data.sources.at("papers").path == "runs/tiny/corpus/papers.txt");
  CHECK(project.stage("generate").model.from == "runs/tiny/cpt");
  CHECK(project.stage("score").score.input == "runs/tiny/generate/generations.jsonl");
}

TEST_CASE("overrides go to the pipeline, to one stage or to every stage") {
  const Project project;
  CHECK(project.stage("cpt", {"run.dir=/tmp/r/", "run.seed=9"}).run.dir == "/tmp/r/cpt");
  CHECK(project.stage("cpt", {"run.dir=/tmp/r", "run.seed=9"}).run.seed == 9);
  CHECK(project.stage("cpt", {"cpt.train.steps=3"}).train.steps == 3);
  CHECK(project.stage("score", {"cpt.train.steps=3"}).train.steps == 0);
  CHECK(project.stage("score", {"train.steps=3"}).train.steps == 3);
  CHECK(project.stage("generate", {"generate.count=7"}).generate.count == 7);  // key, not stage
  CHECK(project.stage("cpt", {"generate.count=7"}).generate.count == 7);
  CHECK(project.stage("generate", {"generate.generate.count=8"}).generate.count == 8);
  CHECK(project.stage("cpt", {"generate.generate.count=8"}).generate.count == 100);
  CHECK(project.stage("cpt", {"cpt.run.seed=11"}).run.seed == 11);
}

TEST_CASE("an override of a source reaches the stages that have it") {
  const Project project;
  CHECK(project.stage("cpt", {"data.sources.papers.path=mine"}).data.sources.at("papers").path == "mine");
  CHECK(project.stage("score", {"data.sources.papers.path=mine"}).data.sources.empty());
  CHECK_THAT(project.fault({"data.sources.mine.path=p"}), Contains("no stage has a source 'mine'") && Contains("--set STAGE.data.sources.mine.path=p"));
  CHECK(project.stage("cpt", {"cpt.data.sources.mine.path=p", "data.sources.mine.heldout=0.1"}).data.sources.at("mine").heldout == 0.1);
  CHECK(project.stage("cpt", {"cpt.data.sources={mine: {kind: chat, path: p}}"}).data.sources.size() == 1);
}

TEST_CASE("faults of every stage are found before the first one runs") {
  const Project project;
  CHECK_THAT(project.fault({"trian.steps=1"}), Contains("--set trian.steps=1: unknown key 'trian'; did you mean 'train'?"));
  CHECK_THAT(project.fault({"ctp.train.steps=1"}), Contains("did you mean 'cpt'?"));
  CHECK_THAT(project.fault({"cpt.train.stepz=1"}), Contains("unknown key 'train.stepz'; did you mean 'steps'?"));
  CHECK_THAT(project.fault({"run.sed=1"}), Contains("--set run.sed=1: unknown key 'run.sed'; did you mean 'seed'?"));
  project.write("score.yaml", "stage: score\nscore: {input: stage:genrate/x}\n");
  project.write("corpus.yaml", "stage: corpus\ncorpus: {documents: none}\n");
  CHECK_THAT(project.fault(), Contains("2 faults") && Contains("no stage 'genrate' comes before this one") && Contains("got 'none'"));
  project.write("pipeline.yaml", "stages:\n  - {name: a b, recipe: corpus.yaml}\n  - {name: x, recipes: y}\n  - 3\nstage: train\n");
  CHECK_THAT(project.fault(), Contains("'a b' cannot name a stage") && Contains("unknown key 'stages.recipes'") &&
                                  Contains("needs 'recipe'") && Contains("got '3'") && Contains("unknown key 'stage'"));
  project.write("pipeline.yaml", "stages: [{name: a, recipe: corpus.yaml}, {name: a, recipe: gone.yaml}]\n");
  CHECK_THAT(project.fault(), Contains("two stages are called 'a'"));
  project.write("pipeline.yaml", "stages: [{name: b, recipe: gone.yaml}]\n");
  CHECK_THAT(project.fault(), Contains("there is no recipe file"));
  project.write("pipeline.yaml", "name: x\n");
  CHECK_THAT(project.fault(), Contains("a pipeline needs 'stages'"));
}

TEST_CASE("every recipe of the project loads and validates") {
  int count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(anneal::testing::source_folder() / "recipes")) {
    if (entry.path().extension() != ".yaml") continue;
    ++count;
    INFO(entry.path().string());
    if (is_pipeline(entry.path())) {
      CHECK_NOTHROW(load_pipeline(entry.path()));
    } else {
      Recipe recipe;
      CHECK_NOTHROW(recipe = load_recipe(entry.path()));
      CHECK(recipe.run.dir.rfind("runs/", 0) == 0);
    }
  }
  CHECK(count >= 18);
}
