// The generate stage: samples shared out over the ranks, one generations.jsonl in order of index.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>

#include <ATen/Parallel.h>

#include "base/error.h"
#include "base/files.h"
#include "base/progress.h"
#include "base/text.h"
#include "launch/generation_model.h"
#include "launch/stage.h"
#include "trainer/threads.h"

namespace anneal {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

Json to_json(const Sample& sample) {
  return {{"index", sample.index},
          {"prompt", sample.prompt},
          {"text", sample.text},
          {"finished", sample.finished},
          {"tokens", sample.tokens}};
}

/// Unfinished bytes of a character become U+FFFD: JSON is UTF-8.
std::string json_line(const Json& entry) {
  return entry.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

fs::path part_file(const fs::path& folder, int rank) {
  return folder / fmt::format("generations.part_{:05}.jsonl", rank);
}

/// Joins the ranks' parts by index.
void join_parts(const fs::path& folder, int num_ranks, std::int64_t count) {
  std::vector<std::string> lines(count);
  for (int r = 0; r < num_ranks; ++r) {
    const std::string part = read_file(part_file(folder, r));
    for (const auto text : split(part, '\n')) {
      if (text.empty()) continue;
      lines.at(Json::parse(text).at("index").get<std::size_t>()) = std::string(text);
    }
  }
  std::string all;
  for (const auto& line : lines) all += line + "\n";
  write_file_atomic(folder / "generations.jsonl", all);
  for (int r = 0; r < num_ranks; ++r) fs::remove(part_file(folder, r));
}

}  // namespace

Json run_generate_stage(const Recipe& recipe, const CommandContext& context) {
  const auto start = std::chrono::steady_clock::now();
  const Group& group = context.group();
  at::set_num_threads(threads_for_rank(context.world.ranks_on_node()));

  GenerationModel model = open_generation_model(recipe.model, recipe.tokenizer.path,
                                                static_cast<std::uint64_t>(recipe.run.seed));
  const std::vector<std::string> prompts = generation_prompts(recipe.generate, model.tokenizer);
  std::vector<std::string> own;
  for (std::size_t i = group.rank(); i < prompts.size(); i += group.size()) own.push_back(prompts[i]);

  const fs::path folder = recipe.run.dir;
  make_folders(folder);
  std::string lines;
  double totals[2] = {0, 0};  // finished, tokens
  Progress progress(recipe.name, static_cast<std::int64_t>(own.size()), context.log.speaks());
  generate(model.decoder, model.tokenizer, own, group.rank(), group.size(),
           generation_options(recipe, model.tokenizer), [&](Sample sample) {
             totals[0] += sample.finished;
             totals[1] += static_cast<double>(sample.tokens);
             lines += json_line(to_json(sample));
             progress.add();
           });
  progress.finish();
  write_file_atomic(part_file(folder, group.rank()), lines);
  group.all_reduce_sum(totals, "counts of the samples");
  if (group.is_root()) join_parts(folder, group.size(), static_cast<std::int64_t>(prompts.size()));
  group.barrier("joining of the samples by rank 0");
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return {{"count", prompts.size()},
          {"finished", static_cast<std::int64_t>(totals[0])},
          {"tokens", static_cast<std::int64_t>(totals[1])},
          {"tokens_per_second", totals[1] / seconds},
          {"grammar", recipe.generate.what == "crystals" && recipe.generate.grammar},
          {"model", recipe.model.from},
          {"untrained", recipe.model.untrained}};
}

}  // namespace anneal
