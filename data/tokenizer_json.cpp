#include "data/tokenizer_json.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_map>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "data/llama3_pattern.h"
#include "data/split_pattern.h"  // for literal_pattern
#include "data/tokenizer_bpe.h"

namespace anneal {
namespace fs = std::filesystem;

namespace {

using Json = nlohmann::json;

constexpr TokenId kMaxId = 10'000'000;  // as recipes allow; a damaged id must not take all memory

std::string utf8(int c) {
  if (c < 0x80) return {static_cast<char>(c)};
  return {static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 0x3F))};
}

/// GPT-2's alphabet: printable bytes of Latin-1 stand for themselves, the others for U+0100
/// onwards.
const std::unordered_map<std::string, char>& byte_alphabet() {
  static const auto table = [] {
    std::unordered_map<std::string, char> bytes;
    int next = 0x100;
    for (int b = 0; b < 256; ++b) {
      const bool printable = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      bytes[utf8(printable ? b : next++)] = static_cast<char>(b);
    }
    return bytes;
  }();
  return table;
}

/// The bytes that a token in GPT-2's alphabet stands for; nothing if a character is outside it.
std::optional<std::string> from_byte_alphabet(std::string_view text) {
  std::string bytes;
  while (!text.empty()) {
    const std::size_t length = static_cast<unsigned char>(text[0]) < 0x80 ? 1 : 2;
    const auto found = byte_alphabet().find(std::string(text.substr(0, length)));
    if (found == byte_alphabet().end()) return std::nullopt;
    bytes.push_back(found->second);
    text.remove_prefix(std::min(length, text.size()));
  }
  return bytes;
}

/// "<0x0A>": how a byte is written where characters are the units.
bool is_byte_name(std::string_view name) {
  return name.size() == 6 && name.starts_with("<0x") && name[5] == '>' &&
         std::isxdigit(static_cast<unsigned char>(name[3])) != 0 &&
         std::isxdigit(static_cast<unsigned char>(name[4])) != 0;
}

std::string type_of(const Json& node) { return node.is_object() ? node.value("type", "") : ""; }

/// `{"type": "Sequence", NAME: [...]}` as its members, one of another type as itself, null as
/// nothing.
std::vector<Json> members(const Json& node, const char* name) {
  if (node.is_null()) return {};
  if (type_of(node) != "Sequence") return {node};
  std::vector<Json> all;
  for (const auto& member : node.at(name)) {
    for (auto& inner : members(member, name)) all.push_back(std::move(inner));
  }
  return all;
}

class Reader {
 public:
  Reader(const fs::path& file, const Json& json) : file_(file), json_(json) {
    parts_.where = file.string();
  }

  BpeParts read() {
    static const Json kNothing;
    const Json& model = json_.contains("model") ? json_.at("model") : kNothing;  // large: no copy
    if (!model.is_object() || !model.contains("vocab"))
      throw fault("it holds no model with a vocabulary");
    if (const std::string type = model.value("type", "BPE");
        type != "BPE" || !model.contains("merges")) {
      throw unread("model", type);
    }
    if (!model.value("dropout", Json()).is_null())
      throw unread("model.dropout", model["dropout"].dump());
    for (const char* affix : {"continuing_subword_prefix", "end_of_word_suffix"}) {
      const Json value = model.value(affix, Json());
      if (!value.is_null() && value != "")
        throw unread(std::string("model.") + affix, value.dump());
    }
    parts_.byte_level = false;
    parts_.byte_fallback = model.value("byte_fallback", false);
    parts_.fuse_unk = model.value("fuse_unk", false);
    parts_.whole_words_first = model.value("ignore_merges", false);
    read_normalizer();
    read_pre_tokenizer();
    read_vocabulary(model.at("vocab"));
    if (const Json name = model.value("unk_token", Json()); name.is_string()) {
      parts_.unk = id_of(name);
      if (parts_.unk < 0)
        throw fault(fmt::format("unk_token {} is not in the vocabulary",
                                anneal::quoted(name.get<std::string>())));
    }
    read_merges(model.at("merges"));
    read_added_tokens();
    read_bytes();
    read_begin();
    read_end();
    return std::move(parts_);
  }

 private:
  DataError fault(const std::string& what) const {
    return DataError(fmt::format("{}: {}", file_.string(), what),
                     "the file is damaged or not a tokenizer.json: copy it again");
  }
  DataError unread(const std::string& where, const std::string& what) const {
    return DataError(
        fmt::format("{}: {} of type {} is not read", file_.string(), where,
                    what.empty() ? "(none)" : what),
        "tokenizers of type BPE are, byte-level (LLaMA-3) or with byte fallback (LLaMA-2); or give "
        "tokenizer.model if the model has one");
  }
  TokenId id_of(const std::string& name) const {
    const auto found = ids_.find(name);
    return found == ids_.end() ? -1 : found->second;
  }

  void read_normalizer() {
    bool before = false, marks = false;
    for (const Json& step : members(json_.value("normalizer", Json()), "normalizers")) {
      const std::string type = type_of(step);
      if (type == "NFC" && !before && !marks) {
        parts_.compose = true;
      } else if (type == "Prepend" && step.value("prepend", "") == kSpacePiece) {
        before = true;
      } else if (type == "Replace" && step.value("content", "") == kSpacePiece &&
                 step.contains("pattern") && step["pattern"] == Json{{"String", " "}}) {
        marks = true;
      } else {
        throw unread("a normalizer", type == "Replace" || type == "Prepend" ? step.dump() : type);
      }
    }
    if (before && !marks) throw unread("a normalizer", "Prepend without Replace");
    if (marks) parts_.space_mark = before ? SpaceMark::kBefore : SpaceMark::kSpaces;
  }

  void read_pre_tokenizer() {
    for (const Json& step : members(json_.value("pre_tokenizer", Json()), "pretokenizers")) {
      const std::string type = type_of(step);
      // after the bytes are letters nothing else can be cut the same way
      if (parts_.byte_level) throw unread("a pre_tokenizer after ByteLevel", type);
      if (type == "Split") {
        parts_.steps.push_back(split_step(step));
      } else if (type == "Digits") {
        parts_.steps.push_back({step.value("individual_digits", false) ? R"(\p{N})" : R"(\p{N}+)"});
      } else if (type == "ByteLevel") {
        if (step.value("add_prefix_space", true))
          throw unread("a pre_tokenizer", "ByteLevel with add_prefix_space");
        parts_.byte_level = true;
        if (step.value("use_regex", true)) parts_.steps.push_back({kGpt2Pattern});
      } else if (type == "Metaspace" && parts_.space_mark == SpaceMark::kNone &&
                 parts_.steps.empty()) {
        read_metaspace(step);
      } else {
        throw unread("a pre_tokenizer", type);
      }
    }
    if (parts_.byte_level && parts_.space_mark != SpaceMark::kNone)
      throw unread("a normalizer before ByteLevel", "Replace");
  }

  SplitStep split_step(const Json& step) const {
    const std::string behavior = step.value("behavior", "");
    const bool invert = step.value("invert", false);
    if (!(behavior == "Isolated" || (behavior == "Removed" && invert))) {
      throw unread("a pre_tokenizer",
                   fmt::format("Split with behavior {}{}", behavior, invert ? " inverted" : ""));
    }
    const Json pattern = step.value("pattern", Json());
    if (pattern.contains("Regex")) return {pattern["Regex"], behavior == "Removed"};
    if (pattern.contains("String"))
      return {literal_pattern(pattern["String"].get<std::string>()), behavior == "Removed"};
    throw fault("a Split without a pattern");
  }

  void read_metaspace(const Json& step) {
    if (step.value("replacement", "") != kSpacePiece)
      throw unread("Metaspace with replacement", step.value("replacement", ""));
    const std::string scheme =
        step.value("prepend_scheme", step.value("add_prefix_space", true) ? "always" : "never");
    parts_.space_mark = scheme == "always"  ? SpaceMark::kMissing
                        : scheme == "first" ? SpaceMark::kFirst
                                            : SpaceMark::kSpaces;
    parts_.split_marks = step.value("split", true);
  }

  /// Makes room for an id and notes its name.
  void put(const std::string& name, std::int64_t id) {
    if (id < 0 || id > kMaxId)
      throw fault(fmt::format("token {} has the id {}", anneal::quoted(name), id));
    const auto i = static_cast<std::size_t>(id);
    if (i >= parts_.names.size()) {
      parts_.names.resize(i + 1);
      parts_.pieces.resize(i + 1);
    }
    if (!parts_.names[i].empty() && parts_.names[i] != name) {
      throw fault(fmt::format("the tokens {} and {} share the id {}",
                              anneal::quoted(parts_.names[i]), anneal::quoted(name), id));
    }
    parts_.names[i] = name;
    ids_[name] = static_cast<TokenId>(id);
  }

  void read_vocabulary(const Json& vocabulary) {
    if (!vocabulary.is_object() || vocabulary.empty()) throw fault("the vocabulary is empty");
    for (const auto& [name, id] : vocabulary.items()) {
      put(name, id.get<std::int64_t>());
      // in a byte-level file a token outside the alphabet is met in no text
      parts_.pieces[id.get<std::size_t>()] =
          parts_.byte_level ? from_byte_alphabet(name).value_or("") : name;
    }
  }

  void read_merges(const Json& merges) {
    std::uint32_t rank = 0;
    for (const auto& merge : merges) {
      std::string left, right;
      if (merge.is_array() && merge.size() == 2) {
        left = merge[0], right = merge[1];
      } else if (merge.is_string()) {
        const std::string& text = merge.get_ref<const std::string&>();
        const std::size_t space = text.find(' ');
        if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos) {
          throw fault(fmt::format("merge {} is not two tokens with a space between: {}", rank,
                                  anneal::quoted(text)));
        }
        left = text.substr(0, space), right = text.substr(space + 1);
      } else {
        throw fault(fmt::format("merge {} is neither a text nor a pair", rank));
      }
      const TokenId ids[] = {id_of(left), id_of(right), id_of(left + right)};
      if (std::min({ids[0], ids[1], ids[2]}) < 0) {
        throw fault(fmt::format("merge {} of {} and {}: one of them, or both together, is no token",
                                rank, anneal::quoted(left), anneal::quoted(right)));
      }
      parts_.merges.push_back({ids[0], ids[1], ids[2], rank++});
    }
  }

  void read_added_tokens() {
    for (const auto& entry : json_.value("added_tokens", Json::array())) {
      AddedToken token{.id = entry.at("id").get<TokenId>(),
                       .text = entry.at("content"),
                       .special = entry.value("special", false),
                       .normalized = entry.value("normalized", true),
                       .lstrip = entry.value("lstrip", false),
                       .rstrip = entry.value("rstrip", false)};
      if (entry.value("single_word", false))
        throw unread(fmt::format("an added token {}", anneal::quoted(token.text)), "single_word");
      put(token.text, token.id);
      parts_.added.push_back(std::move(token));
    }
  }

  void read_bytes() {
    parts_.bytes.resize(parts_.names.size());
    for (std::size_t i = 0; i < parts_.names.size(); ++i) {
      const std::string& name = parts_.names[i];
      if (parts_.byte_level) {
        parts_.bytes[i] = from_byte_alphabet(name).value_or(name);
      } else if (parts_.byte_fallback && is_byte_name(name)) {
        parts_.bytes[i] =
            std::string(1, static_cast<char>(std::stoi(name.substr(3, 2), nullptr, 16)));
      } else {
        for (std::string_view rest = name; !rest.empty();) {
          const bool mark = parts_.space_mark != SpaceMark::kNone && rest.starts_with(kSpacePiece);
          parts_.bytes[i].push_back(mark ? ' ' : rest.front());
          rest.remove_prefix(mark ? kSpacePiece.size() : 1);
        }
      }
    }
    for (const auto& token : parts_.added) {
      // the markers of a conversation are part of its text
      const bool silent = token.special && !token.text.starts_with("<|im_");
      parts_.bytes[static_cast<std::size_t>(token.id)] = silent ? "" : token.text;
    }
  }

  /// The token before a text: the first of the post-processor's template, or the one that
  /// tokenizer_config.json says is added.
  void read_begin() {
    for (const Json& step : members(json_.value("post_processor", Json()), "processors")) {
      if (type_of(step) != "TemplateProcessing") continue;
      const Json single = step.value("single", Json::array());
      if (single.empty() || !single[0].contains("SpecialToken")) continue;
      parts_.bos = id_of(single[0]["SpecialToken"].value("id", ""));
    }
    const Json& config = tokenizer_config();
    if (parts_.bos < 0 && config.is_object() && config.value("add_bos_token", Json()) == true) {
      parts_.bos = id_of(configured("bos_token"));
    }
  }

  void read_end() {
    for (const std::string& name : {configured("eos_token"), std::string("<|end_of_text|>"),
                                    std::string("</s>"), std::string("<|endoftext|>")}) {
      if (parts_.eos < 0 && !name.empty()) parts_.eos = id_of(name);
    }
    parts_.pad = id_of(configured("pad_token"));
  }

  /// A token of tokenizer_config.json, written as its text or as {"content": text}; "" if none.
  std::string configured(const char* key) {
    const Json& config = tokenizer_config();
    const Json value = config.is_object() ? config.value(key, Json()) : Json();
    if (value.is_string()) return value;
    return value.is_object() ? value.value("content", "") : "";
  }

  const Json& tokenizer_config() {
    const fs::path beside = file_.parent_path() / "tokenizer_config.json";
    if (!config_read_ && fs::exists(beside)) {
      const std::string text = read_file(beside);
      config_ = Json::parse(text, nullptr, /*allow_exceptions=*/false);
      if (!config_.is_object())
        throw DataError(fmt::format("{} is not a JSON object", beside.string()),
                        "copy the file again");
      parts_.files.emplace_back("tokenizer_config.json", text);
    }
    config_read_ = true;
    return config_;
  }

  fs::path file_;
  const Json& json_;
  Json config_;
  bool config_read_ = false;
  std::unordered_map<std::string, TokenId> ids_;
  BpeParts parts_;
};

}  // namespace

std::shared_ptr<const TokenizerModel> read_tokenizer_json(const fs::path& file) {
  const std::string text = read_file(file);
  Json json;
  BpeParts parts;
  try {
    json = Json::parse(text);
    parts = Reader(file, json).read();
  } catch (const Json::exception& error) {
    throw DataError(fmt::format("{} is not a whole tokenizer.json ({} bytes): {}", file.string(),
                                text.size(), error.what()),
                    "the file is damaged or cut: copy it again");
  }
  parts.files.emplace_back("tokenizer.json", text);
  return make_bpe_tokenizer(std::move(parts));
}

TokenId last_added_token(const fs::path& file) {
  const Json json = Json::parse(read_file(file), nullptr, /*allow_exceptions=*/false);
  TokenId last = -1;
  if (!json.is_object() || !json.contains("added_tokens") || !json["added_tokens"].is_array())
    return last;
  for (const auto& entry : json["added_tokens"]) {
    if (entry.is_object() && entry.contains("id") && entry["id"].is_number_integer()) {
      last = std::max(last, entry["id"].get<TokenId>());
    }
  }
  return last;
}

}  // namespace anneal
