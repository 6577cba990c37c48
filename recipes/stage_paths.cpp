// The `stage:NAME/rest` form of paths: how the recipes of a pipeline refer to each other's files.
#include <algorithm>

#include <fmt/ranges.h>  // for fmt::join

#include "base/text.h"
#include "recipes/validate.h"

namespace anneal {
namespace {

constexpr std::string_view kPrefix = "stage:";

class Resolver {
 public:
  Resolver(const std::filesystem::path& folder, const std::vector<std::string>* known,
           const std::filesystem::path& file, const Places& places, Faults& faults)
      : folder_(folder), known_(known), file_(file), places_(places), faults_(faults) {}

  void resolve(const std::string& key, std::string& value) {
    if (value.find(kPrefix) == std::string::npos) return;
    std::string resolved;
    for (const auto piece : split(value, ';')) {
      if (!resolved.empty()) resolved += ';';
      resolved += resolve_one(key, std::string(trim(piece)));
    }
    value = resolved;
  }

 private:
  std::string resolve_one(const std::string& key, const std::string& piece) {
    if (piece.rfind(kPrefix, 0) != 0) return piece;
    const std::string rest = piece.substr(kPrefix.size());
    const std::string name = rest.substr(0, rest.find('/'));
    if (name.empty()) {
      fault(key, fmt::format("'{}' is '{}'; expected stage:NAME/rest", key, piece));
    } else if (known_ && std::find(known_->begin(), known_->end(), name) == known_->end()) {
      const std::string nearest = nearest_name(name, *known_);
      fault(key, fmt::format("'{}' is '{}', but no stage '{}' comes before this one{}", key, piece, name,
                             nearest.empty() ? "" : fmt::format(" (there are: {})", fmt::join(*known_, ", "))));
    }
    return (folder_ / rest).string();
  }
  void fault(const std::string& key, const std::string& text) {
    faults_.add(place_of(places_, key, file_), text);
  }

  const std::filesystem::path& folder_;
  const std::vector<std::string>* known_;
  const std::filesystem::path& file_;
  const Places& places_;
  Faults& faults_;
};

}  // namespace

void resolve_stage_paths(Recipe& recipe, const std::filesystem::path& folder,
                         const std::vector<std::string>* known, const std::filesystem::path& file,
                         const Places& places, Faults& faults) {
  Resolver resolver(folder, known, file, places, faults);
  resolver.resolve("model.from", recipe.model.from);
  resolver.resolve("tokenizer.path", recipe.tokenizer.path);
  for (auto& [name, source] : recipe.data.sources) {
    resolver.resolve("data.sources." + name + ".path", source.path);
  }
  resolver.resolve("data.shards", recipe.data.shards);
  resolver.resolve("generate.prompts", recipe.generate.prompts);
  resolver.resolve("score.input", recipe.score.input);
  resolver.resolve("score.baseline", recipe.score.baseline);
  resolver.resolve("score.unconstrained", recipe.score.unconstrained);
  resolver.resolve("score.reference", recipe.score.reference);
  resolver.resolve("score.hull", recipe.score.hull);
  resolver.resolve("corpus.crystals", recipe.corpus.crystals);
}

std::string place_of(const Places& places, const std::string& path, const std::filesystem::path& file) {
  for (std::string key = path; !key.empty();) {
    const auto found = places.find(key);
    if (found != places.end()) return found->second;
    const auto dot = key.rfind('.');
    key = dot == std::string::npos ? "" : key.substr(0, dot);
  }
  return file.string();
}

}  // namespace anneal
