// recipes/: reading, faults and their messages, overrides, round trip. Expected messages are the
// contract of recipes/recipe.h and conventions.md, rule 8.
#include <fstream>

#include "base/error.h"
#include "recipes/recipe.h"
#include "tests/catch.h"
#include "tests/recipes/contains.h"
#include "tests/temporary_folder.h"

using namespace anneal;
using anneal::testing::TemporaryFolder;
using anneal::testing::Contains;

namespace {

const char* kTrain = R"(stage: train
tokenizer: {path: runs/tok}
data:
  sources:
    papers: {path: "data/*.txt"}
    general: {path: data/general}
  mixture: {papers: 0.97, general: 0.03}
train:
  steps: 10
)";

struct Files {
  TemporaryFolder folder;
  std::filesystem::path write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((folder / name).parent_path());
    std::ofstream(folder / name) << text;
    return folder / name;
  }
};

/// The message of the UsageError that loading `text` must cause.
std::string fault_of(const std::string& text, const std::vector<std::string>& sets = {}) {
  Files files;
  const auto file = files.write("x.yaml", text);
  std::vector<Override> overrides;
  for (const auto& set : sets) overrides.push_back(parse_override(set));
  try {
    load_recipe(file, overrides);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no fault";
}

Recipe load(const std::string& text, const std::vector<std::string>& sets = {}) {
  Files files;
  std::vector<Override> overrides;
  for (const auto& set : sets) overrides.push_back(parse_override(set));
  return load_recipe(files.write("x.yaml", text), overrides);
}

}  // namespace

TEST_CASE("a recipe is read, with defaults for what it leaves out") {
  const Recipe recipe = load(kTrain);
  CHECK(recipe.name == "x");
  CHECK(recipe.run.dir == "runs/x");
  CHECK(recipe.stage == StageKind::kTrain);
  CHECK(recipe.data.sources.at("papers").path == "data/*.txt");
  CHECK(recipe.data.sources.at("papers").heldout == 0.02);
  CHECK(recipe.data.mixture.at("general") == 0.03);
  CHECK(recipe.train.steps == 10);
  CHECK(recipe.train.optimizer.beta2 == 0.95);
  CHECK(load("stage: corpus\nrun: {dir: a/b/}\nname: n\n").run.dir == "a/b");
  CHECK(load("stage: corpus\ncorpus: {documents: 3e4}\n").corpus.documents == 30000);
  CHECK(load("stage: corpus\ntrain:\n").train.epochs == 1.0);  // an empty section
}

TEST_CASE("an unknown key names file, line and the nearest key") {
  const std::string typo = std::string(kTrain) + "  seqence_length: 64\n";
  CHECK_THAT(fault_of(typo), Contains("x.yaml:10: unknown key 'train.seqence_length'; did you mean 'sequence_length'?"));
  CHECK_THAT(fault_of("stage: corpus\ntrian: {}\n"), Contains("x.yaml:2: unknown key 'trian'; did you mean 'train'?"));
  CHECK_THAT(fault_of(std::string(kTrain) + "  lr: 1e-3\n"), Contains("did you mean 'train.optimizer.lr'?"));
  CHECK_THAT(fault_of("stage: corpus\nadapter: {zzzzzzzzz: 1}\n"), Contains("'adapter' has: kind, r, alpha, dropout, targets"));
}

TEST_CASE("wrong types, ranges and choices say what was expected and what was got") {
  CHECK_THAT(fault_of("stage: corpus\ntrain: {steps: many}\n"), Contains("x.yaml:2: 'train.steps' must be a whole number, got 'many'"));
  CHECK_THAT(fault_of("stage: corpus\ntrain: {steps: 1.5}\n"), Contains("'train.steps' must be a whole number, got '1.5'"));
  CHECK_THAT(fault_of("stage: corpus\ntrain: {steps: [1]}\n"), Contains("must be a whole number, got a list"));
  CHECK_THAT(fault_of("stage: corpus\ntrain: {steps: 99999999999999999999}\n"), Contains("must be a whole number"));
  CHECK_THAT(fault_of("stage: corpus\ntrain: {optimizer: {lr: .nan}}\n"), Contains("'train.optimizer.lr' must be a number, got '.nan'"));
  CHECK_THAT(fault_of("stage: corpus\nmodel: {tied_head: maybe}\n"), Contains("must be true or false, got 'maybe'"));
  CHECK_THAT(fault_of("stage: corpus\nname: [a]\n"), Contains("'name' must be text, got a list"));
  CHECK_THAT(fault_of("stage: corpus\nadapter: {targets: q_proj}\n"), Contains("must be a list of text, such as [a, b], got 'q_proj'"));
  CHECK_THAT(fault_of("stage: corpus\ndata: {mixture: [a]}\n"), Contains("must be a map of numbers"));
  CHECK_THAT(fault_of("stage: corpus\ntrain: 7\n"), Contains("'train' is a section: it must hold 'key: value' lines, got '7'"));
  CHECK_THAT(fault_of("stage: corpus\ntrain: {micro_batch: -1}\n"), Contains("'train.micro_batch' is -1; it must be at least 0"));
  CHECK_THAT(fault_of("stage: corpus\ngenerate: {top_p: 1.2}\n"), Contains("'generate.top_p' is 1.2; it must be 0 to 1"));
  CHECK_THAT(fault_of("stage: corpus\ndata: {answer_loss: answr}\n"), Contains("'data.answer_loss' is 'answr'; it must be one of answer, all; did you mean 'answer'?"));
  CHECK_THAT(fault_of("stage: trian\n"), Contains("did you mean 'train'?"));
  CHECK_THAT(fault_of("stage: corpus\nadapter: {targets: [q_proj, x]}\n"), Contains("'adapter.targets' is 'x'"));
}

TEST_CASE("what is no YAML map, or has a key twice, is refused with its line") {
  CHECK_THAT(fault_of("stage: corpus\nrun: {dir: a\nname: b\n"), Contains("not valid YAML"));
  CHECK_THAT(fault_of("stage: corpus\nrun: {dir: a\nname: b\n"), Contains("x.yaml:"));
  CHECK_THAT(fault_of("stage: corpus\nname: a\nname: b\n"), Contains("x.yaml:3: key 'name' comes twice, first on line 2"));
  CHECK_THAT(fault_of("stage: corpus\nrun: {seed: 1, seed: 2}\n"), Contains("key 'run.seed' comes twice"));
  CHECK_THAT(fault_of(""), Contains("is empty"));
  CHECK_THAT(fault_of("- a\n"), Contains("x.yaml:1: a recipe is a map"));
  CHECK_THAT(fault_of("stage: corpus\n---\nname: b\n"), Contains("2 YAML documents"));
  CHECK_THAT(fault_of("stage: corpus\nname: \xff\n"), Contains("x.yaml:2: invalid UTF-8"));
  CHECK_THAT(fault_of("stages: []\n"), Contains("this is a pipeline"));
  CHECK_THROWS_AS(load_recipe("/nowhere/x.yaml"), UsageError);
}

TEST_CASE("all faults come at once, in the order of the lines") {
  const std::string message = fault_of("stage: train\ntrain:\n  stepz: 1\n  epochs: -1\n  global_batch: big\nmodle: {}\n");
  CHECK_THAT(message, Contains("6 faults in recipe"));
  CHECK_THAT(message, Contains("stepz") && Contains("'train.epochs' is -1") && Contains("big") && Contains("modle"));
  CHECK_THAT(message, Contains("needs 'data.sources'"));
  CHECK(message.find("stepz") < message.find("big"));
}

TEST_CASE("keys that do not fit together are faults") {
  const std::string base = "stage: train\ntokenizer: {path: t}\ndata: {sources: {a: {path: p}}}\n";
  CHECK(fault_of(base) == "no fault");
  CHECK_THAT(fault_of("stage: train\ntokenizer: {path: t}\n"), Contains("needs 'data.sources' (or 'data.shards'"));
  CHECK_THAT(fault_of("stage: train\ndata: {sources: {a: {path: p}}}\n"), Contains("a model from scratch needs 'tokenizer.path'"));
  CHECK_THAT(fault_of("stage: train\ntokenizer: {path: t}\ndata:\n  sources:\n    a: {kind: text}\n"), Contains("x.yaml:5: 'data.sources.a.path' is missing"));
  CHECK_THAT(fault_of(kTrain, {"data.mixture.general=0.05"}), Contains("sum to 1.02; they must sum to 1"));
  CHECK_THAT(fault_of(kTrain, {"data.mixture={papers: 0.97, gneral: 0.03}"}), Contains("'data.mixture.gneral' names no source"));
  CHECK_THAT(fault_of(kTrain, {"data.mixture={papers: 1}"}), Contains("source 'general' has no share"));
  CHECK_THAT(fault_of(base + "model: {dim: 64, heads: 6}\n"), Contains("'model.dim' = 64 is not a multiple of 'model.heads' = 6"));
  CHECK_THAT(fault_of(base + "model: {heads: 8, kv_heads: 3}\n"), Contains("'model.heads' = 8 is not a multiple of 'model.kv_heads' = 3"));
  CHECK_THAT(fault_of(base + "model: {dim: 24, heads: 8}\n"), Contains("need an even number"));
  CHECK_THAT(fault_of(base + "train: {steps: 0, epochs: 0}\n"), Contains("nothing would be trained"));
  CHECK_THAT(fault_of(base + "train: {micro_batch: 32}\n"), Contains("larger than 'train.global_batch' = 16"));
  CHECK_THAT(fault_of(base + "train: {sequence_length: 4096}\n"), Contains("longer than 'model.max_positions' = 2048"));
  CHECK_THAT(fault_of(base + "adapter: {kind: lora, targets: []}\n"), Contains("'adapter.targets' is empty"));
  CHECK_THAT(fault_of("stage: generate\n"), Contains("a generate stage needs 'model.from'"));
  CHECK_THAT(fault_of("stage: score\n"), Contains("a score stage needs 'score.input'"));
  CHECK_THAT(fault_of("stage: tokenizer\n"), Contains("a tokenizer stage needs 'data.sources'"));
  CHECK_THAT(fault_of("stage: generate\ngenerate: {count: 0}\nmodel: {from: m}\n"), Contains("'generate.count' is 0; it must be at least 1"));
}

TEST_CASE("random tokens stand in for sources and tokenizer") {
  const std::string recipe = "stage: train\ndata: {synthetic_rows: 100}\nmodel: {vocab_size: 512}\n";
  CHECK(load(recipe).data.synthetic_rows == 100);
  CHECK(load(recipe, {"adapter.kind=lora"}).adapter.kind == "lora");  // nothing is written: no stored base needed
  CHECK_THAT(fault_of("stage: train\ndata: {synthetic_rows: 100}\n"), Contains("need 'model.vocab_size'"));
  CHECK_THAT(fault_of("stage: train\ndata: {synthetic_rows: 1, sources: {a: {path: a.txt}}}\nmodel: {vocab_size: 512}\n"),
             Contains("there are 'data.sources' too"));
}

TEST_CASE("overrides set, merge, replace, create and delete") {
  CHECK(load(kTrain, {"train.steps=77"}).train.steps == 77);
  CHECK(load(kTrain, {"train.optimizer.lr=1e-3"}).train.optimizer.lr == 1e-3);
  CHECK(load(kTrain, {"adapter.targets=[k_proj]"}).adapter.targets == std::vector<std::string>{"k_proj"});
  CHECK(load(kTrain, {"adapter.targets=null"}).adapter.targets.size() == 2);
  CHECK(load(kTrain, {"train.steps=null"}).train.steps == 0);
  CHECK(load(kTrain, {"run.dir="}).run.dir == "runs/x");
  CHECK(load(kTrain, {"data.mixture=null"}).data.mixture.empty());
  const auto replaced = load(kTrain, {"data.sources={mine: {kind: jsonl, path: a=b.jsonl}}", "data.mixture=null"});
  CHECK(replaced.data.sources.size() == 1);
  CHECK(replaced.data.sources.at("mine").path == "a=b.jsonl");
  const auto created = load(kTrain, {"data.sources.mine.path=p", "data.mixture={papers: 0.5, general: 0.2, mine: 0.3}"});
  CHECK(created.data.sources.at("mine").path == "p");
  CHECK(created.data.sources.size() == 3);
  CHECK(load(kTrain, {"data.sources.papers.path=q"}).data.sources.at("papers").path == "q");
  CHECK(load(kTrain, {"data.sources.general=null", "data.mixture=null"}).data.sources.size() == 1);
  CHECK(load(kTrain, {"data.mixture.general=null", "data.mixture.papers=1", "data.sources.general=null"}).data.mixture.size() == 1);
  CHECK(load(kTrain, {"train={steps: 5}"}).train.steps == 5);
  CHECK(parse_override("a.b=c=d").value == "c=d");
  CHECK_THROWS_AS(parse_override("train.steps"), UsageError);
}

TEST_CASE("a faulty override names itself as the place") {
  CHECK_THAT(fault_of(kTrain, {"train.seqence_length=4"}), Contains("--set train.seqence_length=4: unknown key 'train.seqence_length'; did you mean 'sequence_length'?"));
  CHECK_THAT(fault_of(kTrain, {"train.steps=abc"}), Contains("--set train.steps=abc: 'train.steps' must be a whole number, got 'abc'"));
  CHECK_THAT(fault_of(kTrain, {"trian.steps=1"}), Contains("--set trian.steps=1: unknown key 'trian'; did you mean 'train'?"));
  CHECK_THAT(fault_of(kTrain, {"train.steps.x=1"}), Contains("'train.steps' has no key 'x': it is a whole number"));
  CHECK_THAT(fault_of(kTrain, {"train=5"}), Contains("'train' is a section"));
  CHECK_THAT(fault_of(kTrain, {"data.sources={a: {path: [}"}), Contains("--set data.sources={a: {path: [}: not valid YAML"));
  CHECK_THAT(fault_of(kTrain, {"data.sources.mine.pth=a"}), Contains("unknown key 'data.sources.mine.pth'"));
  CHECK_THAT(fault_of(kTrain, {"data.sources.mine.kind=text"}), Contains("'data.sources.mine.path' is missing"));
  CHECK_THAT(fault_of(kTrain, {"train..steps=1"}), Contains("empty part"));
  CHECK_THAT(fault_of(kTrain, {"data.mixture.papers=0.5"}), Contains("sum to 0.53"));
}

TEST_CASE("a saved recipe reads back as the same recipe") {
  Recipe recipe = load(kTrain);
  recipe.name = "odd \"name\": #1 \\ \t\n é 漢 \x01";
  recipe.train.optimizer.lr = 0.1 + 0.2;
  recipe.train.optimizer.eps = 1e-5;
  recipe.train.watchdog_s = 100.0 / 3.0;
  recipe.run.seed = (1ll << 62) + 1;
  recipe.adapter.targets = {"o_proj"};
  recipe.generate.conditions = {"pretty_formula: LiFeO2", "null", "", "yes", "1e5", "- a", "~"};
  recipe.generate.prompt = "first\nsecond";
  const std::string yaml = to_yaml(recipe);
  const Recipe again = load(yaml);
  CHECK(to_yaml(again) == yaml);
  CHECK(again.name == recipe.name);
  CHECK(again.train.optimizer.lr == recipe.train.optimizer.lr);
  CHECK(again.run.seed == recipe.run.seed);
  CHECK(again.generate.conditions == recipe.generate.conditions);
  CHECK(again.data.mixture == recipe.data.mixture);
}

TEST_CASE("the list of keys is aligned and complete") {
  const std::string table = describe_recipe_keys();
  CHECK_THAT(table, Contains("train.optimizer.lr") && Contains("data.sources.<name>.path") && Contains("at least 0"));
  CHECK_THAT(table, Contains("required"));
}

TEST_CASE("stage: paths point beside the run folder") {
  const Recipe recipe = load("stage: score\nrun: {dir: runs/p/score/}\nscore: {input: stage:gen/generations.jsonl, reference: x.csv}\n"
                             "data: {sources: {a: {path: \"stage:corpus/a.txt;b.txt; stage:corpus/c\"}}}\n");
  CHECK(recipe.score.input == "runs/p/gen/generations.jsonl");
  CHECK(recipe.score.reference == "x.csv");
  CHECK(recipe.data.sources.at("a").path == "runs/p/corpus/a.txt;b.txt;runs/p/corpus/c");
  CHECK_THAT(fault_of("stage: score\nscore: {input: 'stage:/x'}\n"), Contains("expected stage:NAME/rest"));
}

TEST_CASE("survival: policies are read, faults told, and neither belongs to a run's identity") {
  const Recipe recipe = load(kTrain, {"train.walltime=3h 50m", "train.keep_every=100", "train.keep_best=1",
                                      "train.checkpoint_writing=wait", "train.faults.spike_z=6"});
  CHECK(recipe.train.walltime == "3h 50m");
  CHECK(recipe.train.faults.spike_z == 6);
  CHECK(load(kTrain, {"train.walltime=90"}).train.walltime == "90");
  CHECK(to_yaml(without_cadence(recipe)) == to_yaml(without_cadence(load(kTrain))));
  CHECK_THAT(fault_of(kTrain, {"train.walltime=soon"}), Contains("is no duration"));
  CHECK_THAT(fault_of(kTrain, {"train.checkpoint_writing=later"}), Contains("background"));
  CHECK_THAT(fault_of(kTrain, {"train.faults.spikez=3"}), Contains("spike_z"));
}

TEST_CASE("a stage's result hangs on the sections that its kind reads") {
  const Recipe train = load(kTrain);
  Recipe other = train;
  other.score.families = {"all"};
  other.generate.count = 7;
  other.corpus.documents = 3;
  CHECK(to_yaml(with_own_sections(other)) == to_yaml(with_own_sections(train)));
  other.train.steps += 1;
  CHECK(to_yaml(with_own_sections(other)) != to_yaml(with_own_sections(train)));
  Recipe score = train;
  score.stage = StageKind::kScore;
  Recipe changed = score;
  changed.train.steps += 1;
  CHECK(to_yaml(with_own_sections(changed)) == to_yaml(with_own_sections(score)));
  changed.score.families = {"all"};
  CHECK(to_yaml(with_own_sections(changed)) != to_yaml(with_own_sections(score)));
}
