#include "trainer/checkpoint.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/files.h"
#include "base/fingerprint.h"
#include "base/text.h"
#include "trainer/safetensors.h"

namespace anneal {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

constexpr const char* kFormat = "anneal-checkpoint";
constexpr int kVersion = 1;

std::string rank_file(int rank) { return fmt::format("rank_{:05}.safetensors", rank); }

/// The three slices of a trained unit, by the names they have in the file.
std::vector<std::pair<std::string, at::Tensor>> slices(ShardedUnit& unit) {
  const std::string& name = unit.layout().name();
  return {{name + "/weights", unit.weights()},
          {name + "/first_moment", unit.first_moment()},
          {name + "/second_moment", unit.second_moment()}};
}

/// Every rank's 32 hexadecimal digits on all ranks, through a sum of numbers below 2^16.
std::vector<std::string> exchange_fingerprints(const std::string& own, const Group& group) {
  std::vector<double> parts(8 * group.size(), 0.0);
  for (int i = 0; i < 8; ++i) {
    parts[8 * group.rank() + i] = std::stoi(own.substr(4 * i, 4), nullptr, 16);
  }
  group.all_reduce_sum(parts, "exchange of checkpoint fingerprints");
  std::vector<std::string> all(group.size());
  for (int r = 0; r < group.size(); ++r) {
    for (int i = 0; i < 8; ++i) all[r] += fmt::format("{:04x}", static_cast<int>(parts[8 * r + i]));
  }
  return all;
}

std::vector<fs::path> checkpoints_newest_first(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.is_directory() && entry.path().filename().string().starts_with("step_") &&
        fs::exists(entry.path() / "manifest.json")) {
      found.push_back(entry.path());
    }
  }
  std::sort(found.rbegin(), found.rend());
  return found;
}

[[noreturn]] void damaged(const fs::path& path, const std::string& reason) {
  throw DataError(fmt::format("checkpoint {} is damaged: {}", path.string(), reason));
}

Json read_manifest(const fs::path& checkpoint) {
  Json manifest;
  try {
    manifest = Json::parse(read_file(checkpoint / "manifest.json"));
    if (manifest.at("format") != kFormat) damaged(checkpoint, "manifest.json is of another format");
    if (manifest.at("version") != kVersion) {
      throw DataError(fmt::format("checkpoint {} has version {}, this program reads {}",
                                  checkpoint.string(), manifest.at("version").dump(), kVersion));
    }
  } catch (const nlohmann::json::exception& error) {
    damaged(checkpoint, fmt::format("manifest.json: {}", error.what()));
  }
  return manifest;
}

/// The files that this rank checks: all of them are checked by somebody.
void verify_files(const fs::path& checkpoint, const Json& manifest, const Group& group) {
  const auto& files = manifest.at("files");
  for (std::size_t i = group.rank(); i < files.size(); i += group.size()) {
    const fs::path path = checkpoint / files[i].at("name").get<std::string>();
    std::error_code error;
    const auto bytes = fs::file_size(path, error);
    if (error) damaged(checkpoint, fmt::format("{} is missing", path.filename().string()));
    if (bytes != files[i].at("bytes").get<std::uint64_t>()) {
      damaged(checkpoint, fmt::format("{} has {} bytes, {} were written", path.filename().string(),
                                      bytes, files[i].at("bytes").dump()));
    }
    if (fingerprint_file(path) != files[i].at("fingerprint").get<std::string>()) {
      damaged(checkpoint, fmt::format("{} does not match its checksum", path.filename().string()));
    }
  }
}

/// Copies what of the written slices overlaps this rank's.
void load_unit(const fs::path& checkpoint, const Json& manifest,
               const std::vector<SafetensorsFile>& files, ShardedUnit& unit) {
  const std::string& name = unit.layout().name();
  const Json* entry = nullptr;
  for (const auto& candidate : manifest.at("units")) {
    if (candidate.at("name") == name) entry = &candidate;
  }
  if (!entry || entry->at("numel") != unit.layout().numel()) {
    throw DataError(
        fmt::format("checkpoint {} is of another model: its unit '{}' has {} numbers, {} are expected",
                    checkpoint.string(), name, entry ? entry->at("numel").dump() : "no",
                    unit.layout().numel()),
        "use --fresh to start again, or another run.dir");
  }
  const std::int64_t old_slice = entry->at("slice_numel");
  const std::int64_t begin = unit.slice_begin(), end = begin + unit.slice_numel();
  for (auto& [key, to] : slices(unit)) {
    for (std::size_t r = 0; r < files.size(); ++r) {
      const std::int64_t old_begin = old_slice * static_cast<std::int64_t>(r);
      const std::int64_t from = std::max(begin, old_begin);
      const std::int64_t last = std::min(end, old_begin + old_slice);
      if (from >= last) continue;
      to.narrow(0, from - begin, last - from)
          .copy_(files[r].tensor(key).narrow(0, from - old_begin, last - from));
    }
  }
}

/// All files are whole and the manifest reads: "" on every rank, or why not (on the ranks that know).
std::string damage(const fs::path& checkpoint, Json& manifest, const Group& group) {
  std::string fault;
  try {
    manifest = read_manifest(checkpoint);
    verify_files(checkpoint, manifest, group);
  } catch (const DataError& error) {
    fault = error.what();
  }
  double faults[1] = {fault.empty() ? 0.0 : 1.0};
  group.all_reduce_sum(faults, "agreement on a checkpoint");
  if (faults[0] > 0 && fault.empty()) fault = fmt::format("checkpoint {} is damaged", checkpoint.string());
  return fault;
}

/// The shard group's slices, then the manifest; then older checkpoints go.
void write_slices(const fs::path& target, ShardedModel& model, const TrainState& state, std::int64_t keep) {
  const Group& group = model.mesh().shard;
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  for (ShardedUnit* unit : model.trained_units()) {
    for (auto& slice : slices(*unit)) tensors.push_back(slice);
  }
  const fs::path own = target / rank_file(group.rank());
  write_safetensors(own, tensors);
  const auto fingerprints = exchange_fingerprints(fingerprint_file(own), group);
  if (group.is_root()) {
    Json manifest{{"format", kFormat},
                  {"version", kVersion},
                  {"step", state.step},
                  {"samples", state.samples},
                  {"tokens", state.tokens},
                  {"updates", state.updates},
                  {"world_size", group.size()},
                  {"data_fingerprint", state.data_fingerprint},
                  {"recipe_fingerprint", state.recipe_fingerprint}};
    for (ShardedUnit* unit : model.trained_units()) {
      manifest["units"].push_back({{"name", unit->layout().name()},
                                   {"numel", unit->layout().numel()},
                                   {"slice_numel", unit->slice_numel()}});
    }
    for (int r = 0; r < group.size(); ++r) {
      manifest["files"].push_back({{"name", rank_file(r)},
                                   {"bytes", fs::file_size(target / rank_file(r))},
                                   {"fingerprint", fingerprints[r]}});
    }
    write_file_atomic(target / "manifest.json", manifest.dump(2) + "\n");
    const auto all = checkpoints_newest_first(target.parent_path());
    for (std::size_t i = static_cast<std::size_t>(keep); i < all.size(); ++i) {
      fs::remove(all[i] / "manifest.json");  // first: what is left must not look whole
      fs::remove_all(all[i]);
    }
  }
}

TrainState load_checkpoint(const fs::path& checkpoint, const Json& manifest, ShardedModel& model) {
  std::vector<SafetensorsFile> files;
  for (const auto& file : manifest.at("files")) {
    files.push_back(SafetensorsFile::open(checkpoint / file.at("name").get<std::string>()));
  }
  for (ShardedUnit* unit : model.trained_units()) load_unit(checkpoint, manifest, files, *unit);
  model.weights_changed();
  return {.step = manifest.at("step"),
          .samples = manifest.at("samples"),
          .tokens = manifest.at("tokens"),
          .updates = manifest.at("updates"),
          .data_fingerprint = manifest.at("data_fingerprint"),
          .recipe_fingerprint = manifest.at("recipe_fingerprint")};
}

}  // namespace

std::string checkpoint_name(std::int64_t step) { return fmt::format("step_{:08}", step); }

void save_checkpoint(const fs::path& folder, ShardedModel& model, const TrainState& state,
                     const Group& group, std::int64_t keep) {
  const fs::path target = folder / checkpoint_name(state.step);
  if (group.is_root()) {
    fs::remove_all(target);  // what an earlier, abandoned save of this step left
    make_folders(target);
  }
  group.barrier("start of a checkpoint");
  // Replicas hold the same slices: those of the first copy of the model write them, once.
  if (model.mesh().speaks()) write_slices(target, model, state, keep);
  group.barrier("end of a checkpoint");
}

std::optional<TrainState> load_newest_checkpoint(const fs::path& folder, ShardedModel& model,
                                                 const Group& group, const Log& log) {
  // Rank 0 lists, so that all ranks try the same ones whatever their file system shows them.
  std::string names;
  if (group.is_root()) {
    for (const auto& path : checkpoints_newest_first(folder)) names += path.filename().string() + "\n";
  }
  names = group.broadcast(names, "list of checkpoints");
  std::string first_fault;
  for (const auto name : split(names, '\n')) {
    if (name.empty()) continue;
    const fs::path candidate = folder / name;
    Json manifest;
    const std::string fault = damage(candidate, manifest, group);
    if (fault.empty()) return load_checkpoint(candidate, manifest, model);
    log.warn("{}; trying the one before", fault);
    if (first_fault.empty()) first_fault = fault;
  }
  if (names.empty()) return std::nullopt;
  throw DataError(first_fault, "no whole checkpoint is left: start again with --fresh");
}

void remove_unfinished_checkpoints(const fs::path& folder) {
  std::error_code ignored;
  std::vector<fs::path> unfinished;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.is_directory() && !fs::exists(entry.path() / "manifest.json")) {
      unfinished.push_back(entry.path());
    }
    if (entry.is_directory()) remove_temporary_files(entry.path());
  }
  for (const auto& path : unfinished) fs::remove_all(path, ignored);
}

}  // namespace anneal
