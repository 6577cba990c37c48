// A training stage that meets numbers that are not finite. The base model's embedding of one byte
// is NaN, so exactly the batches with a document that has this byte are at fault.
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "data/token_manifest.h"
#include "data/token_shard.h"
#include "data/tokenizer_training.h"
#include "recipes/recipe.h"
#include "tests/catch.h"
#include "tests/temporary_folder.h"
#include "trainer/hf_folder.h"
#include "trainer/run_folder.h"
#include "trainer/sharded_model.h"
#include "trainer/train.h"

using namespace anneal;
using Json = nlohmann::json;
namespace fs = std::filesystem;

namespace {

constexpr const char* kPoison = "\xE2\x98\x83";  // a snowman: no piece of its own, three bytes

/// Lines of text; those for which `poisoned` is true hold the snowman.
template <class Predicate>
void write_text(const fs::path& file, int lines, Predicate poisoned) {
  std::ofstream out(file);
  for (int i = 0; i < lines; ++i) {
    out << "Oxide number " << i << " melts at " << 800 + i * 7 % 900 << " K"
        << (poisoned(i) ? kPoison : "") << " and has a gap of " << i % 5 << '.' << i % 10
        << " eV.\n";
  }
}

/// A tokenizer that never saw the snowman, and a small model whose embedding of its last byte is
/// NaN.
void make_base(const testing::TemporaryFolder& folder) {
  write_text(folder / "clean.txt", 300, [](int) { return false; });
  Recipe recipe;
  recipe.stage = StageKind::kTokenizer;
  recipe.tokenizer.vocab_size = 330;
  recipe.data.sources["clean"] = {.path = (folder / "clean.txt").string(), .document = "line"};
  const Tokenizer tokenizer = train_tokenizer(recipe, folder / "tokenizer.model", Log(false));
  ModelOptions options{
      .dim = 32, .layers = 2, .heads = 4, .kv_heads = 2, .ffn_dim = 64, .max_positions = 128};
  HfConfig config;
  config.shape = shape_from_options(options, tokenizer.vocab_size());
  config.bos_id = tokenizer.bos_id();
  config.eos_ids = {tokenizer.eos_id()};
  const auto poison = tokenizer.encode(kPoison).back();
  const auto filler = fresh_weights(config.shape, 1);
  std::map<std::string, std::vector<std::int64_t>> shapes;
  for (const auto& spec : parameter_specs(config.shape)) shapes[spec.name] = spec.shape;
  write_hf_folder(folder / "base", config,
                  [&](const std::string& name) {
                    at::Tensor tensor = at::empty(shapes.at(name), at::kFloat);
                    filler({.name = name, .shape = shapes.at(name)}, 0, tensor.numel(),
                           tensor.data_ptr<float>());
                    if (name == "model.embed_tokens.weight") tensor[poison].fill_(std::nan(""));
                    return tensor;
                  },
                  {.dtype = at::kFloat});
  tokenizer.save(folder / "base");
}

Recipe stage(const testing::TemporaryFolder& folder, const std::string& name) {
  Recipe recipe;
  recipe.name = name;
  recipe.run.dir = (folder / name).string();
  recipe.model.from = (folder / "base").string();
  recipe.data.sources["text"] = {
      .path = (folder / "text.txt").string(), .document = "line", .heldout = 0};
  recipe.train.steps = 16;
  recipe.train.global_batch = 4;
  recipe.train.sequence_length = 32;
  recipe.train.checkpoint_every = 2;
  recipe.train.threads = 1;
  recipe.train.optimizer.lr = 1e-3;
  return recipe;
}

std::vector<Json> lines_of(const fs::path& file) {
  std::vector<Json> lines;
  if (!fs::exists(file)) return lines;
  const std::string text = read_file(file);
  for (const auto line : split(text, '\n')) {
    if (!line.empty()) lines.push_back(Json::parse(line));
  }
  return lines;
}

TrainOutcome run(const Recipe& recipe) { return train(recipe, make_solo_group(), Log(false), {}); }

}  // namespace

TEST_CASE("a batch that is not finite is skipped, with its documents in incidents.jsonl") {
  testing::TemporaryFolder folder;
  make_base(folder);
  write_text(folder / "text.txt", 400, [](int i) { return i == 100; });
  const Recipe recipe = stage(folder, "skip");
  const TrainOutcome outcome = run(recipe);
  CHECK(outcome.steps == 16);
  CHECK(std::isfinite(outcome.final_loss));
  const auto incidents = lines_of(folder / "skip/incidents.jsonl");
  // 16 steps of 4 rows see the rows of about a fifth of the text: the poisoned one may come or not.
  Recipe longer = stage(folder, "all");
  longer.train.steps = 0;
  longer.train.epochs = 1;
  run(longer);
  const auto all = lines_of(folder / "all/incidents.jsonl");
  REQUIRE(all.size() == 1);
  CHECK(incidents.size() <= 1);
  CHECK(all[0]["fault"] == "not finite");
  CHECK(all[0]["action"] == "skip");
  CHECK(all[0]["loss"].is_null());
  REQUIRE(all[0]["rows"].size() == 4);
  // Which document it is, the shard's tokens say.
  const TokenManifest manifest = load_manifest(folder / "all/shards");
  const TokenShard shard(folder / "all/shards", manifest.files.at(0), manifest.vocab_size);
  const TokenId poison = Tokenizer::load(folder / "base").encode(kPoison).back();
  std::uint64_t poisoned = shard.num_documents();
  for (std::uint64_t d = 0; d < shard.num_documents(); ++d) {
    for (std::uint64_t t = shard.offsets()[d]; t < shard.offsets()[d + 1]; ++t) {
      if (shard.token(t) == poison) poisoned = d;
    }
  }
  REQUIRE(poisoned < shard.num_documents());
  bool named = false;
  for (const auto& row : all[0]["rows"]) {
    for (const auto& document : row["documents"]) {
      CHECK(document["source"] == "text");
      named |= document["document"] == poisoned && document["file"] == manifest.files[0].name;
    }
  }
  CHECK(named);
  std::int64_t faults = 0;
  for (const auto& line : lines_of(folder / "all/metrics.jsonl")) faults += line.contains("fault");
  CHECK(faults == 1);
}

TEST_CASE("no checkpoint is written amid steps at fault") {
  testing::TemporaryFolder folder;
  make_base(folder);
  write_text(folder / "text.txt", 400, [](int i) { return i % 25 == 0; });
  Recipe recipe = stage(folder, "often");
  recipe.train.steps = 24;
  recipe.train.checkpoint_every = 1;
  recipe.train.keep_checkpoints = 100;
  recipe.train.faults.skip_in_a_row = 20;
  run(recipe);
  std::set<std::int64_t> faulty, sound;
  for (const auto& line : lines_of(folder / "often/metrics.jsonl")) {
    if (!line.contains("data_index")) continue;
    (line.contains("fault") ? faulty : sound).insert(line["step"].get<std::int64_t>());
  }
  faulty.erase(24);  // the last step is saved whatever it was
  REQUIRE(faulty.size() >= 2);
  REQUIRE(sound.size() >= 8);
  const auto saved = [&](std::int64_t step) {
    return fs::exists(folder / "often/checkpoints" / fmt::format("step_{:08}", step) / "manifest.json");
  };
  for (const auto step : faulty) {
    INFO(step);
    CHECK_FALSE(saved(step));
  }
  for (const auto step : sound) {
    INFO(step);
    CHECK(saved(step));
  }
}

TEST_CASE("after the skips the run goes back, leaves the samples out, and resumes alike") {
  testing::TemporaryFolder folder;
  make_base(folder);
  write_text(folder / "text.txt", 400, [](int i) { return i == 100; });
  Recipe recipe = stage(folder, "rewind");
  recipe.train.steps = 0;
  recipe.train.epochs = 1;
  recipe.train.faults.skip_in_a_row = 0;
  run(recipe);
  const Json rewinds = Json::parse(read_file(folder / "rewind/rewinds.json"));
  REQUIRE(rewinds["rewinds"].size() == 1);
  const std::int64_t begin = rewinds["rewinds"][0]["samples"][0],
                     end = rewinds["rewinds"][0]["samples"][1];
  CHECK(end - begin == 4);
  // Every step is there once, and none of them took the samples left out.
  std::int64_t step = 0, next = 0;
  for (const auto& line : lines_of(folder / "rewind/metrics.jsonl")) {
    if (line.contains("split")) continue;
    CHECK(line["step"] == ++step);
    next = next == begin ? end : next;
    next += 4;
    CHECK(line["data_index"] == next);
    CHECK(line["loss"].is_number());
  }
  // A run that is resumed after its return leaves the same samples out: the weights are the same.
  const std::string whole = read_file(folder / "rewind/model/model.safetensors");
  const auto newest = fs::path(folder / "rewind/checkpoints");
  std::vector<fs::path> checkpoints;
  for (const auto& entry : fs::directory_iterator(newest)) checkpoints.push_back(entry.path());
  std::sort(checkpoints.begin(), checkpoints.end());
  fs::remove_all(checkpoints.back());
  fs::remove_all(folder / "rewind/model");
  CHECK(run(recipe).resumed);
  CHECK(read_file(folder / "rewind/model/model.safetensors") == whole);
}

TEST_CASE("a run that leaves amid steps at fault goes back as far as one that does not leave") {
  testing::TemporaryFolder folder;
  make_base(folder);
  write_text(folder / "text.txt", 400, [](int i) { return i % 12 == 0; });
  Recipe recipe = stage(folder, "stays");
  recipe.train.steps = 30;
  recipe.train.checkpoint_every = 1;
  recipe.train.keep_checkpoints = 1;
  recipe.train.faults.skip_in_a_row = 1;
  recipe.train.faults.rewinds = 100;
  run(recipe);
  std::int64_t second = 0;  // of two steps at fault in a row, after a sound one
  for (const auto& incident : lines_of(folder / "stays/incidents.jsonl")) {
    if (second == 0 && incident["action"] == "rewind" && incident["step"] > 2) second = incident["step"];
  }
  REQUIRE(second > 2);

  recipe.run.dir = (folder / "leaves").string();
  std::int64_t step = 0;
  TrainCall call;
  call.on_step = [&](std::int64_t now) { step = now; };
  call.asked_to_leave = [&] { return std::string(step == second - 1 ? "a test" : ""); };
  CHECK_THROWS_AS(train(recipe, make_solo_group(), Log(false), call), Stopped);
  CHECK(run(recipe).resumed);
  CHECK(read_file(folder / "leaves/rewinds.json") == read_file(folder / "stays/rewinds.json"));
  const bool same_weights = read_file(folder / "leaves/model/model.safetensors") ==
                            read_file(folder / "stays/model/model.safetensors");
  CHECK(same_weights);
}

TEST_CASE("a run whose data are bad throughout ends with exit code 5 after its returns") {
  testing::TemporaryFolder folder;
  make_base(folder);
  write_text(folder / "text.txt", 400, [](int i) { return i % 2 == 0; });
  Recipe recipe = stage(folder, "bad");
  recipe.train.faults.skip_in_a_row = 1;
  recipe.train.faults.rewinds = 2;
  try {
    run(recipe);
    FAIL("the run ended well");
  } catch (const NonFiniteError& error) {
    CHECK(std::string(error.what()).find("the run went back 2 time(s) before") !=
          std::string::npos);
    CHECK(error.hint().find("incidents.jsonl") != std::string::npos);
  }
  const auto incidents = lines_of(folder / "bad/incidents.jsonl");
  REQUIRE(incidents.size() == 6);  // skip, rewind; skip, rewind; skip, end
  const char* actions[] = {"skip", "rewind", "skip", "rewind", "skip", "end"};
  for (std::size_t i = 0; i < 6; ++i) CHECK(incidents[i]["action"] == actions[i]);
  CHECK_FALSE(fs::exists(folder / "bad/model"));
}

TEST_CASE("a loss that spikes is skipped where the recipe asks for it") {
  testing::TemporaryFolder folder;
  make_base(folder);
  // Line 300 is of another world: its loss stands out once the others are learnt.
  write_text(folder / "text.txt", 400, [](int) { return false; });
  {
    std::ofstream out(folder / "text.txt", std::ios::app);
    for (int k = 0; k < 12; ++k) {
      for (int i = 0; i < 30; ++i) out << static_cast<char>('!' + (i * 37 + k * 11) % 90);
      out << '\n';
    }
  }
  Recipe recipe = stage(folder, "spike");
  recipe.train.steps = 0;
  recipe.train.epochs = 3;
  recipe.train.optimizer.lr = 1e-2;
  run(recipe);
  CHECK(lines_of(folder / "spike/incidents.jsonl").empty());
  recipe.run.dir = (folder / "watched").string();
  recipe.train.faults.spike_z = 3;
  recipe.train.faults.spike_window = 32;
  run(recipe);
  const auto incidents = lines_of(folder / "watched/incidents.jsonl");
  REQUIRE_FALSE(incidents.empty());
  for (const auto& incident : incidents) {
    CHECK(incident["fault"] == "spike");
    CHECK(incident["z"].get<double>() > 3);
  }
}
