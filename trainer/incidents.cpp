#include "trainer/incidents.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "parallel/agreement.h"

namespace anneal {

using Json = nlohmann::ordered_json;

namespace {

constexpr const char* kRewindsFormat = "anneal-rewinds";
constexpr int kRewindsVersion = 1;

std::vector<Rewind> parse_rewinds(const std::string& text, const std::string& path) {
  std::vector<Rewind> rewinds;
  if (text.empty()) return rewinds;
  try {
    const Json json = Json::parse(text);
    if (json.at("format") != kRewindsFormat || json.at("version") != kRewindsVersion) {
      throw DataError(
          fmt::format("{} is not {} version {}", path, kRewindsFormat, kRewindsVersion));
    }
    for (const auto& entry : json.at("rewinds")) {
      rewinds.push_back(
          {entry.at("from_step"), entry.at("samples").at(0), entry.at("samples").at(1)});
    }
  } catch (const nlohmann::json::exception& error) {
    throw DataError(fmt::format("{} is damaged: {}", path, error.what()),
                    "start again with --fresh");
  }
  return rewinds;
}

const char* name_of(FaultAction action) {
  return action == FaultAction::kSkip ? "skip" : action == FaultAction::kRewind ? "rewind" : "end";
}

/// "train-00000.h5: 3, 17, 18 and 9 more".
std::string short_list(const std::set<std::pair<std::string, std::uint64_t>>& documents) {
  std::string text, file;
  std::size_t shown = 0;
  for (const auto& [name, number] : documents) {
    if (shown == 8) return text + fmt::format(" and {} more", documents.size() - shown);
    text += name == file ? fmt::format(", {}", number)
                         : fmt::format("{}{}: {}", text.empty() ? "" : "; ", name, number);
    file = name;
    ++shown;
  }
  return text;
}

}  // namespace

Incidents::Incidents(const RunFolder& folder, const Group& group, const Log& log)
    : folder_(folder), group_(group), log_(log) {
  std::string text, fault;
  if (group.is_root() && std::filesystem::exists(folder.rewinds())) {
    try {
      text = read_file(folder.rewinds());
    } catch (const Error& error) {
      fault = error.what();
    }
  }
  fault = agreed_fault(group, fault, "reading of the rewinds");
  if (!fault.empty()) throw DataError(fault);
  rewinds_ = parse_rewinds(group.broadcast(text, "list of rewinds"), folder.rewinds().string());
}

std::int64_t Incidents::next_sample(std::int64_t sample) const {
  for (bool moved = true; moved;) {
    moved = false;
    for (const auto& rewind : rewinds_) {
      if (sample < rewind.begin || sample >= rewind.end) continue;
      sample = rewind.end;
      moved = true;
    }
  }
  return sample;
}

void Incidents::record(std::int64_t step, const StepResult& result, const StepJudgement& judgement,
                       FaultAction action, std::int64_t first, std::int64_t count,
                       const TokenStream& stream) const {
  if (!group_.is_root()) return;
  const bool spike = judgement.fault == StepFault::kSpike;
  Json line{{"step", step},
            {"fault", spike ? "spike" : "not finite"},
            {"loss", result.loss},
            {"grad_norm", result.grad_norm}};
  if (spike) line["z"] = judgement.z;
  line["action"] = name_of(action);
  line["samples"] = {first, first + count};
  line["rows"] = Json::array();
  std::set<std::pair<std::string, std::uint64_t>> documents;
  for (std::int64_t i = first; i < first + count; ++i) {
    Json row{{"sample", i},
             {"shard_row", stream.shard_row(static_cast<std::uint64_t>(i))},
             {"documents", Json::array()}};
    for (const auto& document : stream.documents(static_cast<std::uint64_t>(i))) {
      row["documents"].push_back(
          {{"file", document.file}, {"document", document.document}, {"source", document.source}});
      documents.emplace(document.file, document.document);
    }
    line["rows"].push_back(row);
  }
  std::ofstream file(folder_.incidents(), std::ios::app);
  file << line.dump() << '\n';
  file.close();
  const std::string what =
      spike ? fmt::format("loss {:.4f} is {:.1f} standard deviations above the steps before",
                          result.loss, judgement.z)
            : fmt::format("loss {} and gradient norm {} are not finite", result.loss,
                          result.grad_norm);
  log_.warn("step {}: {}; {} (samples {} to {}{}{}; {} {})", step, what,
            action == FaultAction::kSkip     ? "the step is skipped"
            : action == FaultAction::kRewind ? "the run goes back to its last checkpoint"
                                             : "the run ends",
            first, first + count - 1, documents.empty() ? "" : "; documents ",
            short_list(documents), folder_.incidents().string(),
            file ? "lists all" : "could not be written");
}

void Incidents::add(const Rewind& rewind) {
  rewinds_.push_back(rewind);
  std::string fault;
  if (group_.is_root()) {
    Json json{{"format", kRewindsFormat}, {"version", kRewindsVersion}, {"rewinds", Json::array()}};
    for (const auto& r : rewinds_) {
      json["rewinds"].push_back({{"from_step", r.from_step}, {"samples", {r.begin, r.end}}});
    }
    try {
      write_file_atomic(folder_.rewinds(), json.dump(2) + "\n");
    } catch (const Error& error) {
      fault = error.what();
    }
  }
  fault = agreed_fault(group_, fault, "writing of the rewinds");
  if (!fault.empty()) throw DataError(fault);
}

}  // namespace anneal
