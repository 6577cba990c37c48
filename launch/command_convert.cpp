// anneal convert, inspect: what a file or folder holds, and the same in another format.
#include <memory>

#include "base/error.h"
#include "base/files.h"
#include "data/inspect.h"
#include "data/tokenizer.h"
#include "launch/command.h"
#include "launch/crystal_files.h"
#include "launch/option_checks.h"
#include "trainer/hf_folder.h"
#include "trainer/llama2c.h"
#include "trainer/weight_source.h"

namespace anneal {
namespace fs = std::filesystem;

namespace {

void convert(const std::string& from, const std::string& to, bool merge, const Log& log) {
  if (fs::exists(to) && fs::equivalent(from, to)) {
    throw UsageError(fmt::format("{} and {} are the same place", from, to), "name another destination");
  }
  const WeightSource source = open_weights(from);
  log.info("from: {}", source.describe());
  if (source.kind == WeightKind::kAdapter && !merge) {
    throw UsageError(fmt::format("{} is an adapter: converting it means merging it into its base", from),
                     "add --merge");
  }
  if (fs::path(to).extension() == ".bin") {
    write_llama2c(to, source.shape(), [&](const std::string& name) { return source.tensor(name); });
  } else {
    const bool keeps_files = source.kind == WeightKind::kHfFolder;
    write_hf_folder(to, source.config,
                    [&](const std::string& name) { return source.tensor(name, std::nullopt); },
                    {.tokenizer_from = keeps_files ? source.path : fs::path()});
    if (!source.tokenizer.empty() && tokenizer_file(to).empty()) {
      Tokenizer::load(source.tokenizer).save(to);
    }
  }
  log.info("to:   {}", open_weights(to).describe());
}

/// A run folder's shards, or the path itself.
fs::path shards_at(const fs::path& path) {
  for (const auto& candidate : {path, path / "shards"}) {
    if (is_shard_folder(candidate)) return candidate;
  }
  return {};
}

}  // namespace

Command add_convert(CLI::App& app) {
  auto* command = app.add_subcommand("convert", "Between Hugging Face folders, runs, llama2.c .bin and PEFT adapters; a CIF to another cell");
  command->footer("Examples:\n"
                  "  anneal convert stories260K.bin my_llama          (to a Hugging Face folder)\n"
                  "  anneal convert runs/quickstart/cif_peft merged --merge\n"
                  "  anneal convert my_llama model.bin                (to llama2.c)\n"
                  "  anneal convert a.cif b.cif --cell symmetrized    (a crystal in another cell)");
  auto from = std::make_shared<std::string>();
  auto to = std::make_shared<std::string>();
  auto merge = std::make_shared<bool>(false);
  command->add_option("SRC", *from, "Model, or a .cif")->required();
  command->add_option("DST", *to, "Folder, or a name ending in .bin; for a .cif a .cif")->required();
  command->add_flag("--merge", *merge, "Merge an adapter into its base");
  auto cell = std::make_shared<std::string>("given");
  command->add_option("--cell", *cell, "Of a CIF: given, conventional, primitive, niggli, symmetrized")
      ->check(CLI::IsMember({"given", "conventional", "primitive", "niggli", "symmetrized"}));
  return {command, [=](const CommandContext& context) {
            if (context.group().is_root() && is_cif_file(*from)) {
              convert_cif(*from, *to, *cell);
            } else if (context.group().is_root()) {
              convert(*from, *to, *merge, context.log);
            }
            return 0;
          }};
}

Command add_inspect(CLI::App& app) {
  auto* command = app.add_subcommand("inspect", "What a shard folder, checkpoint, model, run or CIF holds");
  command->footer("Examples:\n"
                  "  anneal inspect runs/quickstart/cpt\n"
                  "  anneal inspect runs/quickstart/chat --batch 0    (tokens, loss mask, documents)");
  auto path = std::make_shared<std::string>();
  auto batch = std::make_shared<std::int64_t>(-1);
  auto choice = std::make_shared<BatchChoice>();
  auto verify = std::make_shared<bool>(false);
  command->add_option("PATH", *path, "File or folder")->required();
  command->add_option("--batch", *batch, "Show batch N of the shards");
  command->add_option("--rows", choice->rows, "Rows of a batch")->check(at_least(1));
  auto* length = command->add_option("--sequence-length", choice->sequence_length, "Tokens a row")->check(at_least(1));
  command->add_option("--split", choice->split, "train, or a source for what was held out of it");
  auto* seed = command->add_option("--seed", choice->seed, "Seed of the order");
  command->add_flag("--verify", *verify, "Compare every file with its checksum");
  return {command, [=](const CommandContext& context) {
            if (!context.group().is_root()) return 0;
            if (is_cif_file(*path)) {
              fmt::print("{}\n", describe_cif(*path));
              return 0;
            }
            bool known = false;
            const fs::path root = *path;
            if (const fs::path shards = shards_at(root); !shards.empty()) {
              known = true;
              if (*batch >= 0) {
                if (fs::exists(root / "recipe.yaml")) {  // the rows that the run trains on
                  const Recipe recipe = load_recipe(root / "recipe.yaml");
                  if (length->count() == 0) choice->sequence_length = recipe.train.sequence_length;
                  if (seed->count() == 0) choice->seed = static_cast<std::uint64_t>(recipe.run.seed);
                  choice->isolate_documents = recipe.data.isolate_documents;
                }
                fmt::print("{}\n", describe_batch(shards, static_cast<std::uint64_t>(*batch), *choice));
                return 0;
              }
              fmt::print("{}\n", describe_shards(shards, *verify));
            }
            for (const fs::path& checkpoints : {root, root / "checkpoints", root.parent_path()}) {
              if (!fs::is_directory(checkpoints)) continue;
              for (const auto& entry : fs::directory_iterator(checkpoints)) {
                const fs::path manifest = entry.path() / "manifest.json";
                if (!entry.path().filename().string().starts_with("step_") || !fs::exists(manifest)) continue;
                known = true;
                fmt::print("checkpoint {}\n", entry.path().string());
              }
            }
            if (fs::exists(root / "manifest.json") && root.filename().string().starts_with("step_")) {
              fmt::print("{}\n", read_file(root / "manifest.json"));
              return 0;
            }
            try {
              const WeightSource source = open_weights(root);
              known = true;
              fmt::print("{}\n", source.describe());
              for (const auto& spec : parameter_specs(source.shape())) {
                fmt::print("  {:<60} {}\n", spec.name, shape_text(spec.shape));
              }
            } catch (const DataError& error) {
              if (!known) throw;
            }
            return 0;
          }};
}

}  // namespace anneal
