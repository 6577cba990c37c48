#include "data/crystal_source.h"

#include <deque>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "cif/crystal_string.h"
#include "cif/crystal_table.h"
#include "cif/elements.h"
#include "data/source.h"  // for source_files

namespace anneal {
namespace {

class CrystalSource : public DocumentReader {
 public:
  CrystalSource(const std::string& name, const SourceOptions& options, std::uint64_t seed)
      : name_(name),
        options_(options),
        files_(source_files(name, options)),
        key_(derive_key({seed, name_key(options.kind)})) {
    for (const auto& entry : options.tasks) add_task(entry);
    if (tasks_.empty()) add_task("all");
  }

  std::optional<Document> next() override {
    if (options_.max_documents > 0 && given_ >= options_.max_documents) return std::nullopt;
    while (ready_.empty()) {
      if (read_row()) continue;
      if (given_ == 0) {
        throw DataError(fmt::format("source '{}': no crystal in {}{}", name_, options_.path,
                                    note().empty() ? "" : ": " + note()),
                        "crystals come from CIF files, or from a table with a column cif");
      }
      return std::nullopt;
    }
    Document document = std::move(ready_.front());
    ready_.pop_front();
    ++given_;
    return document;
  }

  std::string note() const override {
    std::vector<std::string> parts;
    if (rejected_ > 0) {
      parts.push_back(
          fmt::format("{} rows that are no crystal (first: {})", rejected_, first_rejected_));
    }
    if (large_ > 0) {
      parts.push_back(fmt::format("{} crystals of more than {} sites", with_commas(large_),
                                  options_.max_sites));
    }
    if (no_task_ > 0) parts.push_back(fmt::format("{} crystals without a fitting task", no_task_));
    std::string text;
    for (const auto& part : parts) text += (text.empty() ? "" : ", ") + part;
    return text.empty() ? text : text + " left out";
  }

 private:
  struct Task {
    CrystalTask task;
    CifForm form;
  };

  /// Adds an entry of the recipe's list: a task or "all", perhaps with ":short".
  void add_task(std::string name) {
    constexpr std::string_view kShortSuffix = ":short";
    CifForm form = CifForm::kFull;
    if (name.ends_with(kShortSuffix)) {
      name.resize(name.size() - kShortSuffix.size());
      form = CifForm::kShort;
    }
    for (int i = 0; i < kNumCrystalTasks; ++i) {
      if (name == "all") tasks_.push_back({static_cast<CrystalTask>(i), form});
    }
    if (name != "all") tasks_.push_back({parse_crystal_task(name), form});
  }

  /// Takes one row; false at the end of the last file.
  bool read_row() {
    if (!reader_) {
      if (file_ == files_.size()) return false;
      reader_.emplace(files_[file_++]);
    }
    auto record = reader_->next();
    if (!record) {
      reader_.reset();
      return true;
    }
    const std::uint64_t row = row_++;
    const std::string origin = fmt::format("{}#{}", files_[file_ - 1].string(), record->index + 1);
    if (!record->parsed.crystal) {
      if (rejected_++ == 0) {
        first_rejected_ =
            fmt::format("{}, {}{}{}", origin, reject_name(record->parsed.reason),
                        record->parsed.detail.empty() ? "" : ": ", record->parsed.detail);
      }
      return true;
    }
    if (options_.max_sites > 0 &&
        static_cast<std::int64_t>(record->parsed.crystal->sites.size()) > options_.max_sites) {
      ++large_;
      return true;
    }
    auto described = describe(*std::move(record->parsed.crystal), record->columns);
    described.translate = options_.translate;
    for (std::int64_t copy = 0; copy < options_.copies; ++copy) {
      Random random(derive_key({key_, row, static_cast<std::uint64_t>(copy)}));
      add(described, random, origin);
    }
    return true;
  }

  void add(const DescribedCrystal& described, Random& random, const std::string& origin) {
    Document document;
    if (options_.kind == "crystal_tasks") {
      const auto task = deal_task(described);
      if (!task) {
        ++no_task_;
        return;
      }
      document = chat_document(crystal_task_record(task->task, described, random, task->form));
    } else if (options_.kind == "crystal_prompts") {
      document = crystal_prompt_document(described, options_.generation_share, random);
    } else {
      document.spans = {{crystal_string(placed(described.crystal, described.translate, random)), true}};
    }
    document.origin = origin;
    ready_.push_back(std::move(document));
  }

  /// The tasks take turns, so that each gets its equal share; one that does not fit is passed over.
  std::optional<Task> deal_task(const DescribedCrystal& described) {
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
      const Task task = tasks_[turn_++ % tasks_.size()];
      if (applicable(task.task, described)) return task;
    }
    return std::nullopt;
  }

  std::string name_;
  SourceOptions options_;
  std::vector<std::filesystem::path> files_;
  std::uint64_t key_;
  std::vector<Task> tasks_;
  std::size_t file_ = 0, turn_ = 0;
  std::uint64_t row_ = 0;  ///< over all files, left-out rows included
  std::optional<CrystalReader> reader_;
  std::deque<Document> ready_;
  std::int64_t given_ = 0, rejected_ = 0, large_ = 0, no_task_ = 0;
  std::string first_rejected_;
};

}  // namespace

Document crystal_prompt_document(const DescribedCrystal& described, double generation_share,
                                 Random& random) {
  const Crystal crystal = placed(described.crystal, described.translate, random);
  const std::string text = crystal_string(crystal);
  Document document;
  if (random.uniform() < generation_share) {
    const auto known = available_conditions(
        described, {"formation_energy_per_atom", "band_gap", "e_above_hull", "spacegroup.number"});
    const auto chosen = sample_conditions(known, random.below(known.size() + 1), random);
    std::string prompt = unconditional_prompt();
    if (!chosen.empty()) {
      auto conditions = available_conditions(described, {"pretty_formula"});
      conditions.insert(conditions.end(), chosen.begin(), chosen.end());
      prompt = conditional_prompt(conditions);
    }
    document.spans = {{prompt, false}, {text, true}};
  } else {
    const auto hidden = symbol(crystal.sites[random.below(crystal.sites.size())].atomic_number);
    document.spans = {{infill_prompt(text, hidden), false}, {std::string(hidden), true}};
  }
  return document;
}

std::unique_ptr<DocumentReader> open_crystal_source(const std::string& name,
                                                    const SourceOptions& options,
                                                    std::uint64_t seed) {
  return std::make_unique<CrystalSource>(name, options, seed);
}

}  // namespace anneal
