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
#include "parallel/agreement.h"
#include "trainer/checkpoint_writer.h"
#include "trainer/safetensors.h"

namespace anneal {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

constexpr const char* kCheckpointFormat = "anneal-checkpoint";
constexpr int kCheckpointVersion = 2;  // 1 had no faults, recent losses and held-out losses

/// The three slices of a trained unit, by the names they have in the file.
std::vector<std::pair<std::string, at::Tensor>> slices(ShardedUnit& unit) {
  const std::string& name = unit.layout().name();
  return {{name + "/weights", unit.weights()},
          {name + "/first_moment", unit.first_moment()},
          {name + "/second_moment", unit.second_moment()}};
}

/// A manifest as it is written: with the fingerprint of the rest at its end.
std::string sealed(Json manifest) {
  manifest["fingerprint"] = fingerprint(manifest.dump());
  return manifest.dump(2) + "\n";
}

[[noreturn]] void damaged(const fs::path& path, const std::string& reason) {
  throw DataError(fmt::format("checkpoint {} is damaged: {}", path.string(), reason));
}

Json read_manifest(const fs::path& checkpoint) {
  Json manifest;
  try {
    manifest = Json::parse(read_file(checkpoint / "manifest.json"));
    if (manifest.at("format") != kCheckpointFormat) damaged(checkpoint, "manifest.json is of another format");
    const Json& version = manifest.at("version");
    if (version != 1 && version != kCheckpointVersion) {
      throw DataError(fmt::format("checkpoint {} has version {}, this program reads 1 and {}",
                                  checkpoint.string(), version.dump(), kCheckpointVersion));
    }
    if (const auto seal = manifest.find("fingerprint"); seal != manifest.end()) {  // older ones have none
      const Json expected = *seal;
      manifest.erase(seal);
      if (expected != fingerprint(manifest.dump())) damaged(checkpoint, "manifest.json does not match its checksum");
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

TrainState read_state(const Json& manifest) {
  TrainState state{.step = manifest.at("step"),
                   .samples = manifest.at("samples"),
                   .tokens = manifest.at("tokens"),
                   .updates = manifest.at("updates"),
                   .skipped_in_a_row = manifest.value("skipped_in_a_row", std::int64_t{0}),
                   .fault_begin = manifest.value("fault_begin", std::int64_t{0}),
                   .recent_losses = manifest.value("recent_losses", std::vector<double>{}),
                   .data_fingerprint = manifest.at("data_fingerprint"),
                   .recipe_fingerprint = manifest.at("recipe_fingerprint")};
  const Json heldout = manifest.value("heldout", Json::object());
  for (const auto& [split, loss] : heldout.items()) {
    if (loss.is_number()) state.heldout[split] = loss;
  }
  return state;
}

TrainState load_verified(const fs::path& checkpoint, const Json& manifest, ShardedModel& model) {
  std::vector<SafetensorsFile> files;
  for (const auto& file : manifest.at("files")) {
    files.push_back(SafetensorsFile::open(checkpoint / file.at("name").get<std::string>()));
  }
  for (ShardedUnit* unit : model.trained_units()) load_unit(checkpoint, manifest, files, *unit);
  model.weights_changed();
  return read_state(manifest);
}

}  // namespace

std::string checkpoint_name(std::int64_t step) { return fmt::format("step_{:08}", step); }

std::string checkpoint_rank_file(int rank) { return fmt::format("rank_{:05}.safetensors", rank); }

std::vector<std::pair<std::string, at::Tensor>> checkpoint_slices(ShardedModel& model) {
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  for (ShardedUnit* unit : model.trained_units()) {
    for (auto& slice : slices(*unit)) tensors.push_back(slice);
  }
  return tensors;
}

std::string checkpoint_manifest(ShardedModel& model, const TrainState& state,
                                const std::vector<CheckpointFile>& files) {
  Json manifest{{"format", kCheckpointFormat},
                {"version", kCheckpointVersion},
                {"step", state.step},
                {"samples", state.samples},
                {"tokens", state.tokens},
                {"updates", state.updates},
                {"skipped_in_a_row", state.skipped_in_a_row},
                {"fault_begin", state.fault_begin},
                {"world_size", files.size()},
                {"data_fingerprint", state.data_fingerprint},
                {"recipe_fingerprint", state.recipe_fingerprint}};
  if (!state.recent_losses.empty()) manifest["recent_losses"] = state.recent_losses;
  manifest["heldout"] = Json::object();
  for (const auto& [split, loss] : state.heldout) manifest["heldout"][split] = loss;
  for (ShardedUnit* unit : model.trained_units()) {
    manifest["units"].push_back({{"name", unit->layout().name()},
                                 {"numel", unit->layout().numel()},
                                 {"slice_numel", unit->slice_numel()}});
  }
  for (std::size_t r = 0; r < files.size(); ++r) {
    manifest["files"].push_back({{"name", checkpoint_rank_file(static_cast<int>(r))},
                                 {"bytes", files[r].bytes},
                                 {"fingerprint", files[r].fingerprint}});
  }
  return sealed(std::move(manifest));
}

std::vector<fs::path> checkpoints_newest_first(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.is_directory(ignored) && entry.path().filename().string().starts_with("step_") &&
        fs::exists(entry.path() / "manifest.json", ignored)) {
      found.push_back(entry.path());
    }
  }
  std::sort(found.rbegin(), found.rend());
  return found;
}

std::vector<KnownCheckpoint> known_checkpoints(const fs::path& folder) {
  std::vector<KnownCheckpoint> known;
  for (const auto& path : checkpoints_newest_first(folder)) {
    try {
      const TrainState state = read_state(read_manifest(path));
      KnownCheckpoint entry{.step = state.step, .suspect = state.skipped_in_a_row > 0};
      double sum = 0;
      for (const auto& [split, loss] : state.heldout) sum += loss;
      if (!state.heldout.empty()) entry.heldout = sum / static_cast<double>(state.heldout.size());
      known.push_back(entry);
    } catch (const std::exception&) {  // a damaged one is nobody's to remove or to count
    }
  }
  return known;
}

void remove_checkpoint(const fs::path& checkpoint) {
  std::error_code ignored;
  fs::remove(checkpoint / "manifest.json", ignored);
  fs::remove_all(checkpoint, ignored);
}

void remove_checkpoints_after(const fs::path& folder, std::int64_t step) {
  for (const auto& path : checkpoints_newest_first(folder)) {
    if (path.filename().string() > checkpoint_name(step)) remove_checkpoint(path);
  }
}

std::optional<TrainState> load_checkpoint(const fs::path& checkpoint, ShardedModel& model,
                                          const Group& group, std::string& fault) {
  Json manifest;
  std::string own;
  try {
    manifest = read_manifest(checkpoint);
    verify_files(checkpoint, manifest, group);
    (void)read_state(manifest);  // throws where something is missing
  } catch (const DataError& error) {
    own = error.what();
  } catch (const nlohmann::json::exception& error) {
    own = fmt::format("checkpoint {} is damaged: manifest.json: {}", checkpoint.string(), error.what());
  }
  fault = agreed_fault(group, own, "agreement on a checkpoint");
  if (!fault.empty()) return std::nullopt;
  return load_verified(checkpoint, manifest, model);
}

namespace {

void set_aside(const fs::path& checkpoint, const Group& group, const Log& log) {
  if (!group.is_root()) return;
  const fs::path aside = checkpoint.parent_path() / ("damaged_" + checkpoint.filename().string());
  std::error_code error;
  fs::remove_all(aside, error);
  fs::rename(checkpoint, aside, error);
  if (!error) log.info("{} is set aside as {}", checkpoint.string(), aside.filename().string());
}

}  // namespace

std::optional<TrainState> load_newest_checkpoint(const fs::path& folder, ShardedModel& model,
                                                 const Group& group, const Log& log, Wanted wanted) {
  // Rank 0 lists, so that all ranks try the same ones whatever their file system shows them.
  std::string names;
  if (group.is_root()) {
    std::set<std::string> suspect;
    if (wanted == Wanted::kBeforeFaults) {
      for (const auto& known : known_checkpoints(folder)) {
        if (known.suspect) suspect.insert(checkpoint_name(known.step));
      }
    }
    std::string last;
    for (const auto& path : checkpoints_newest_first(folder)) {
      const std::string name = path.filename().string();
      (suspect.count(name) ? last : names) += name + "\n";
    }
    names += last;
  }
  names = group.broadcast(names, "list of checkpoints");
  std::string first_fault;
  std::vector<fs::path> passed_over;
  for (const auto name : split(names, '\n')) {
    if (name.empty()) continue;
    std::string fault;
    if (auto state = load_checkpoint(folder / name, model, group, fault)) {
      for (const auto& path : passed_over) set_aside(path, group, log);
      return state;
    }
    log.warn("{}; trying the one before", fault);
    passed_over.push_back(folder / name);
    if (first_fault.empty()) first_fault = fault;
  }
  if (names.empty()) return std::nullopt;
  throw DataError(first_fault, "no whole checkpoint is left: start again with --fresh");
}

void save_checkpoint(const fs::path& folder, ShardedModel& model, const TrainState& state,
                     const Group& group, std::int64_t keep) {
  CheckpointWriter(folder, group, {.newest = keep}, Log(false)).save(model, state);
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
