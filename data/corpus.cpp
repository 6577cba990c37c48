#include "data/corpus.h"

#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/fingerprint.h"
#include "base/random.h"
#include "base/text.h"
#include "cif/cif_file.h"
#include "data/corpus_facts.h"
#include "data/corpus_general.h"
#include "data/corpus_questions.h"
#include "data/corpus_sentences.h"
#include "data/facts_space_groups.h"

namespace anneal {
namespace {

constexpr std::int64_t kGeneralWords = 400000;
constexpr const char* kManifest = "corpus.json";

using OrderedJson = nlohmann::ordered_json;

/// Writes files one by one and remembers what they hold.
class Writer {
 public:
  Writer(std::filesystem::path folder, const Log& log) : folder_(std::move(folder)), log_(log) {}

  void write(const std::string& name, const std::string& bytes, std::int64_t count,
             const char* what, std::int64_t words = 0) {
    if (const auto bad = first_invalid_utf8(bytes)) {
      throw DataError(fmt::format("corpus: {} would not be UTF-8 at byte {}", name, *bad));
    }
    write_file_atomic(folder_ / name, bytes);
    OrderedJson entry = {{"name", name}, {what, count}};
    if (words > 0) entry["words"] = words;
    entry["bytes"] = bytes.size();
    entry["fingerprint"] = fingerprint(bytes);
    files_.push_back(std::move(entry));
    log_.info("  {:<22} {:>8} {}{}, {}", name, with_commas(count), what,
              words > 0 ? fmt::format(", {} words", with_commas(words)) : "",
              human_bytes(static_cast<double>(bytes.size())));
  }
  const OrderedJson& files() const { return files_; }

 private:
  std::filesystem::path folder_;
  const Log& log_;
  OrderedJson files_ = OrderedJson::array();
};

std::string csv_field(const std::string& field) {
  std::string text = "\"";
  for (const char c : field) text += c == '"' ? std::string("\"\"") : std::string(1, c);
  return text + '"';
}

void write_crystals(Writer& writer, const std::string& name,
                    const std::vector<CorpusCrystal>& crystals, const CorpusOptions& options) {
  std::string csv = "material_id,formula,spacegroup,spacegroup.number,density,nsites,cif\n";
  std::int64_t count = 0;
  for (const auto& fact : crystals) {
    if (!has_usable_size(fact.crystal, options)) continue;
    const int group = facts_space_group_number(fact.spacegroup);
    csv += fmt::format("{},{},{},{},{:.4f},{},{}\n", csv_field(fact.id), csv_field(fact.formula),
                       csv_field(fact.spacegroup), group > 0 ? std::to_string(group) : "",
                       fact.density_g_cm3, fact.crystal.sites.size(),
                       csv_field(write_cif(fact.crystal, fact.formula)));
    ++count;
  }
  writer.write(name, csv, count, "crystals");
}

void write_lines(Writer& writer, const std::string& name, std::int64_t max_lines,
                 std::int64_t max_words, const std::function<std::string(std::int64_t)>& line) {
  std::string text;
  std::int64_t words = 0, count = 0;
  for (; count < max_lines && (max_words == 0 || words < max_words); ++count) {
    const std::string next = line(count);
    words += count_words(next);
    text += next;
    text += '\n';
  }
  writer.write(name, text, count, "documents", words);
}

void write_records(Writer& writer, const std::string& name, std::int64_t count,
                   const std::function<ChatRecord(std::int64_t)>& record) {
  std::string text;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto [system, question, answer] = record(i);
    text += OrderedJson{{"system", system}, {"question", question}, {"answer", answer}}.dump();
    text += '\n';
  }
  writer.write(name, text, count, "records");
}

}  // namespace

void write_corpus(const Recipe& recipe, const std::filesystem::path& folder, const Log& log) {
  const CorpusOptions& options = recipe.corpus;
  const auto seed = static_cast<std::uint64_t>(recipe.run.seed);
  log.info("corpus: writing documents from the tables of facts into {}", folder.string());

  const CorpusFacts facts = load_corpus_facts(options, seed);
  const auto glosses = read_glosses(options.general);
  const auto order = permutation(glosses.size(), derive_key({seed, name_key("glosses")}));
  const auto count = static_cast<std::int64_t>(glosses.size());

  // a corpus without its manifest is not whole, whatever files lie there
  make_folders(folder);
  std::error_code ignored;
  std::filesystem::remove(folder / kManifest, ignored);
  Writer writer(folder, log);

  const MaterialsWriter materials(facts, seed);
  write_lines(writer, "materials.txt", options.documents, /*max_words=*/0,
              [&](std::int64_t i) { return materials.document(i); });
  write_lines(writer, "general.txt", count, kGeneralWords,
              [&](std::int64_t i) { return gloss_sentence(glosses[order[i]]); });
  write_crystals(writer, "crystals_train.csv", facts.train, options);
  write_crystals(writer, "crystals_heldout.csv", facts.heldout, options);
  write_records(writer, "chat_materials.jsonl", options.questions,
                [&](std::int64_t i) { return materials_question(facts, seed, i); });
  // from the end of the order: senses that general.txt does not hold, as long as they last
  write_records(writer, "chat_general.jsonl", options.questions, [&](std::int64_t i) {
    return gloss_question(
        glosses[order[count - 1 - i % count]],
        derive_key({seed, name_key("general question"), static_cast<std::uint64_t>(i)}));
  });

  const OrderedJson manifest = {{"format", "anneal-corpus"},
                         {"version", 1},
                         {"seed", recipe.run.seed},
                         {"crystals", options.crystals},
                         {"min_sites", options.min_sites},
                         {"max_sites", options.max_sites},
                         {"heldout", options.heldout},
                         {"train_crystals_of_any_size", facts.train.size()},
                         {"files", writer.files()}};
  write_file_atomic(folder / kManifest, manifest.dump(2) + "\n");
}

bool corpus_is_whole(const std::filesystem::path& folder) {
  if (!std::filesystem::exists(folder / kManifest)) return false;
  const auto manifest =
      OrderedJson::parse(read_file(folder / kManifest), nullptr, /*allow_exceptions=*/false);
  if (!manifest.is_object() || manifest.value("format", "") != "anneal-corpus" ||
      manifest.value("version", 0) != 1 || !manifest.contains("files")) {
    return false;
  }
  for (const auto& file : manifest["files"]) {
    const auto path = folder / file.value("name", "");
    if (!std::filesystem::is_regular_file(path) ||
        fingerprint_file(path) != file.value("fingerprint", "")) {
      return false;
    }
  }
  return true;
}

}  // namespace anneal
