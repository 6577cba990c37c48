#include "data/prepare_inputs.h"

#include <map>

#include <sys/stat.h>

#include "base/error.h"
#include "base/fingerprint.h"
#include "base/text.h"
#include "data/source.h"

namespace anneal {

namespace {
// raised whenever the same inputs would give other shards
// 2: documents begin with the begin-of-text token; 3: labels in short CIFs
constexpr int kPrepareVersion = 3;
}  // namespace

std::vector<InputFile> fingerprint_inputs(const Recipe& recipe, const std::vector<InputFile>& known) {
  std::map<std::string, const InputFile*> by_path;
  for (const auto& input : known) by_path[input.path] = &input;
  std::vector<InputFile> inputs;
  for (const auto& [name, options] : recipe.data.sources) {
    for (const auto& path : source_files(name, options)) {
      struct stat status {};
      if (::stat(path.c_str(), &status) != 0) throw DataError(fmt::format("cannot read {}", path.string()));
      InputFile input{name, path.string(), status.st_size,
                      std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec, ""};
      const auto before = by_path.find(input.path);
      const bool same = before != by_path.end() && before->second->bytes == input.bytes &&
                        before->second->modified_ns == input.modified_ns;
      input.fingerprint = same ? before->second->fingerprint : fingerprint_file(path);
      inputs.push_back(std::move(input));
    }
  }
  return inputs;
}

std::string options_fingerprint(const Recipe& recipe, const Tokenizer& tokenizer,
                                const std::vector<InputFile>& inputs) {
  const DataOptions& data = recipe.data;
  std::string all = fmt::format("prepare {}\ntokenizer {}\nseed {}\nmax_tokens {}\nheldout_max_tokens {}\nanswer_loss {}\n",
                                kPrepareVersion, tokenizer.fingerprint(), recipe.run.seed, data.max_tokens,
                                data.heldout_max_tokens, data.answer_loss);
  for (const auto& [name, share] : data.mixture) all += fmt::format("mixture {} {}\n", name, share);
  for (const auto& [name, s] : data.sources) {
    all += fmt::format("source {} {} {} {} {} {} {} {} {} {} {}", name, s.kind, s.document, s.field, s.column, s.heldout,
                       s.copies, s.max_documents, s.max_sites, s.generation_share, s.translate);
    for (const auto& task : s.tasks) all += " " + task;
    all += "\n";
  }
  for (const auto& input : inputs) all += fmt::format("input {} {} {}\n", input.source, input.bytes, input.fingerprint);
  return fingerprint(all);
}

}  // namespace anneal
