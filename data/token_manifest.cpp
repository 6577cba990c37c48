#include "data/token_manifest.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/fingerprint.h"

namespace anneal {
using OrderedJson = nlohmann::ordered_json;

namespace {

constexpr const char* kManifestFormat = "anneal-token-shards";
constexpr int kManifestVersion = 1;
constexpr const char* kFileName = "manifest.json";
constexpr const char* kCheckKey = "manifest_fingerprint";

OrderedJson to_json(const TokenManifest& m) {
  OrderedJson json = {{"format", kManifestFormat}, {"version", kManifestVersion}, {"options", m.options}, {"tokenizer", m.tokenizer},
               {"vocab_size", m.vocab_size}, {"eos_id", m.eos_id}, {"seed", m.seed}};
  json["sources"] = OrderedJson::array();
  for (const auto& s : m.sources) {
    json["sources"].push_back({{"name", s.name}, {"kind", s.kind}, {"documents", s.documents}, {"tokens", s.tokens},
                               {"heldout_documents", s.heldout_documents}, {"heldout_tokens", s.heldout_tokens},
                               {"share_wanted", s.share_wanted}, {"share_written", s.share_written},
                               {"tokens_written", s.tokens_written}, {"passes", s.passes}, {"note", s.note}});
  }
  json["files"] = OrderedJson::array();
  for (const auto& f : m.files) {
    json["files"].push_back({{"name", f.name}, {"split", f.split}, {"bytes", f.bytes}, {"fingerprint", f.fingerprint},
                             {"documents", f.documents}, {"tokens", f.tokens}, {"has_whole", f.has_whole}});
  }
  json["inputs"] = OrderedJson::array();
  for (const auto& i : m.inputs) {
    json["inputs"].push_back({{"source", i.source}, {"path", i.path}, {"bytes", i.bytes},
                              {"modified_ns", i.modified_ns}, {"fingerprint", i.fingerprint}});
  }
  return json;
}

TokenManifest from_json(const OrderedJson& json) {
  TokenManifest m;
  json.at("options").get_to(m.options);
  json.at("tokenizer").get_to(m.tokenizer);
  json.at("vocab_size").get_to(m.vocab_size);
  json.at("eos_id").get_to(m.eos_id);
  json.at("seed").get_to(m.seed);
  for (const auto& s : json.at("sources")) {
    m.sources.push_back({s.at("name"), s.at("kind"), s.at("documents"), s.at("tokens"), s.at("heldout_documents"),
                         s.at("heldout_tokens"), s.at("share_wanted"), s.at("share_written"), s.at("tokens_written"),
                         s.at("passes"), s.at("note")});
  }
  for (const auto& f : json.at("files")) {
    m.files.push_back({f.at("name"), f.at("split"), f.at("bytes"), f.at("fingerprint"), f.at("documents"),
                       f.at("tokens"), f.at("has_whole")});
  }
  for (const auto& i : json.at("inputs")) {
    m.inputs.push_back({i.at("source"), i.at("path"), i.at("bytes"), i.at("modified_ns"), i.at("fingerprint")});
  }
  return m;
}

}  // namespace

std::int64_t TokenManifest::train_tokens() const {
  std::int64_t sum = 0;
  for (const auto& file : files) sum += file.split == "train" ? file.tokens : 0;
  return sum;
}

std::string TokenManifest::content_fingerprint() const {
  std::string all = fmt::format("{} {} {}", kManifestFormat, kManifestVersion, tokenizer);
  for (const auto& file : files) all += fmt::format("\n{} {} {}", file.name, file.split, file.fingerprint);
  return fingerprint(all);
}

void save_manifest(const TokenManifest& manifest, const std::filesystem::path& folder) {
  OrderedJson json = to_json(manifest);
  json[kCheckKey] = fingerprint(json.dump());
  write_file_atomic(folder / kFileName, json.dump(1) + "\n");
}

TokenManifest load_manifest(const std::filesystem::path& folder) {
  const auto path = folder / kFileName;
  if (!std::filesystem::exists(path)) {
    throw DataError(fmt::format("folder {} holds no token shards: manifest.json is missing", folder.string()),
                    "run `anneal prepare` with the recipe");
  }
  try {
    OrderedJson json = OrderedJson::parse(read_file(path));
    if (json.at("format") != kManifestFormat) {
      throw DataError(fmt::format("{} is no manifest of token shards", path.string()), "check the folder");
    }
    if (json.at("version") != kManifestVersion) {
      throw DataError(fmt::format("{} has version {}, this program reads {}", path.string(),
                                  json.at("version").dump(), kManifestVersion),
                      "run `anneal prepare` again");
    }
    const std::string expected = json.at(kCheckKey);
    json.erase(kCheckKey);
    if (const std::string found = fingerprint(json.dump()); found != expected) {
      throw DataError(fmt::format("{} is damaged: fingerprint {}, expected {}", path.string(), found, expected),
                      "run `anneal prepare` again");
    }
    return from_json(json);
  } catch (const OrderedJson::exception& error) {
    throw DataError(fmt::format("{} is cut short or damaged: {}", path.string(), error.what()),
                    "run `anneal prepare` again");
  }
}

}  // namespace anneal
