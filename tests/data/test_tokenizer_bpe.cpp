// Byte-pair tokenizers: tiktoken files and tokenizer.json. References were made by the Python
// wheels tokenizers and tiktoken (tests/data/make_bpe_reference.py); ids are compared exactly.
#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "base/random.h"
#include "data/bpe_merges.h"
#include "data/split_pattern.h"
#include "data/tokenizer.h"
#include "data/tokenizer_proto.h"  // for a SentencePiece model beside a tokenizer.json
#include "tests/catch.h"
#include "tests/source_folder.h"
#include "tests/temporary_folder.h"

using namespace anneal;
namespace fs = std::filesystem;

namespace {

const fs::path kOwn = anneal::testing::source_folder() / "tests/data/bpe";
using Ids = std::vector<TokenId>;
using Json = nlohmann::json;

const Json& reference() {
  static const Json json =
      Json::parse(read_file(anneal::testing::source_folder() / "tests/data/bpe_reference.json"));
  return json;
}

template <class F>
std::string data_error(F&& f) {
  try {
    f();
  } catch (const DataError& error) {
    return error.full_message();
  }
  return "no DataError";
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// tests/data/bpe/<file> with some keys replaced, as <folder>/tokenizer.json.
fs::path patched(const testing::TemporaryFolder& folder, const std::string& file,
                 const Json& patch) {
  Json json = Json::parse(read_file(kOwn / file));
  for (const auto& [key, value] : patch.items()) json[key] = value;
  write_file_atomic(folder / "tokenizer.json", json.dump());
  return folder / "tokenizer.json";
}

std::uint64_t fnv(const Ids& ids) {
  std::uint64_t hash = 0xCBF29CE484222325ull;
  for (const TokenId id : ids) hash = (hash ^ static_cast<std::uint64_t>(id)) * 0x100000001B3ull;
  return hash;
}

}  // namespace

TEST_CASE("bpe: ids are those of tokenizers and tiktoken") {
  const testing::TemporaryFolder folder;
  const auto texts = reference().at("texts").get<std::vector<std::string>>();
  int compared = 0;
  for (const auto& model : reference().at("models")) {
    const std::string file = model.at("file");
    const Json patch = model.value("patch", Json::object());
    const Tokenizer tokenizer =
        Tokenizer::load(file.ends_with(".model") ? kOwn / file : patched(folder, file, patch));
    for (std::size_t i = 0; i < texts.size(); ++i) {
      INFO(file << " with " << patch.dump() << ": " << Json(texts[i]).dump());
      const Ids ids = tokenizer.encode(texts[i]);
      CHECK(ids == model.at("ids").at(i).get<Ids>());
      CHECK(tokenizer.encode(texts[i]) == ids);  // now from the cache
      // a control token, a stripped space and a normalised character do not come back
      if (file == "byte_level.model") CHECK(tokenizer.decode(ids) == texts[i]);
      if (file == "byte_level.json" && patch.empty() && !has(texts[i], "<|begin") &&
          !has(texts[i], "[MASK]")) {
        CHECK(tokenizer.decode(ids) == texts[i]);
      }
      if (file == "characters.json" && patch.empty() && !has(texts[i], "<s>") &&
          !has(texts[i], "\xE2\x96\x81")) {
        CHECK(tokenizer.decode(ids) == texts[i]);
      }
      ++compared;
    }
  }
  CHECK(compared >= 9 * 90);
}

TEST_CASE("bpe: ids of the shared samples on the shared texts") {
  const auto data = testing::shared_data();
  if (!data) {
    WARN("skipped: ../shared/data is missing");
    return;
  }
  std::string last;
  std::optional<Tokenizer> tokenizer;
  int compared = 0;
  for (const auto& one : reference().at("shared")) {
    const std::string model = one.at("model");
    if (model != last) tokenizer = Tokenizer::load(*data / "tokenizers" / model);
    last = model;
    const std::string text = read_file(*data / one.at("text").get<std::string>());
    const Ids ids = tokenizer->encode(text);
    INFO(model << " on " << one.at("text"));
    CHECK(ids.size() == one.at("ids").get<std::size_t>());
    CHECK(fmt::format("{:016x}", fnv(ids)) == one.at("fnv").get<std::string>());
    // the tiny one has no token for most bytes beyond ASCII, which its note says
    if (tokenizer->note().empty()) CHECK(tokenizer->decode(ids) == text);
    ++compared;
  }
  CHECK(compared == 15);
}

TEST_CASE("bpe: what is known of a tokenizer.json") {
  const Tokenizer tokenizer = Tokenizer::load(kOwn / "byte_level.json");
  CHECK(tokenizer.vocab_size() == 466);
  CHECK(tokenizer.bos_id() == 460);  // the post-processor's
  CHECK(tokenizer.eos_id() == 461);  // <|end_of_text|>, by its name
  CHECK(tokenizer.unk_id() == -1);
  CHECK(tokenizer.im_start_id() == 463);
  CHECK(tokenizer.im_end_id() == 464);
  CHECK(tokenizer.note().empty());
  CHECK(tokenizer.model_proto().empty());
  CHECK_FALSE(tokenizer.adds_space_before());
  CHECK(tokenizer.piece_bytes(tokenizer.id_of_piece("\xC4\xA0")) ==
        " ");  // GPT-2's letter for a space
  CHECK(tokenizer.id_of_piece(" ") == -1);
  CHECK(tokenizer.piece_bytes(tokenizer.bos_id()).empty());
  CHECK(tokenizer.piece_bytes(tokenizer.im_end_id()) == "<|im_end|>");
  const auto ids = tokenizer.encode("<|im_start|>answer\n12<|im_end|>\n");
  CHECK(std::count(ids.begin(), ids.end(), tokenizer.im_start_id()) == 1);
  CHECK(std::count(ids.begin(), ids.end(), tokenizer.im_end_id()) == 1);
  // the pieces' bytes, joined, are the text, whatever characters they cut
  std::string joined;
  for (const TokenId id : tokenizer.encode("\xED\x95\x9C\xEA\xB5\xAD \xF0\x9F\x98\x80"))
    joined += tokenizer.piece_bytes(id);
  CHECK(joined == "\xED\x95\x9C\xEA\xB5\xAD \xF0\x9F\x98\x80");
  CHECK(tokenizer.encode_continuation(" x") == tokenizer.encode(" x"));
  CHECK(tokenizer.decode(Ids{tokenizer.encode("\xF0\x9F\x98\x80").front()}) == "\xEF\xBF\xBD");
  CHECK_THROWS_AS(tokenizer.decode(Ids{466}), DataError);

  const Tokenizer characters = Tokenizer::load(kOwn / "characters.json");
  CHECK(characters.bos_id() == 1);
  CHECK(characters.eos_id() == 2);
  CHECK(characters.unk_id() == 0);
  CHECK(characters.adds_space_before());
  CHECK(characters.piece_bytes(characters.id_of_piece("<0x0A>")) == "\n");
  // no space comes between a text and what goes on from it
  CHECK(characters.encode_continuation("x").size() == 1);
  std::string continued;
  for (const TokenId id : characters.encode_continuation("the oxide"))
    continued += characters.piece_bytes(id);
  CHECK(continued == "the oxide");
}

TEST_CASE("bpe: a tiktoken file has LLaMA-3's special tokens, and no text makes them") {
  const Tokenizer tokenizer = Tokenizer::load(kOwn / "byte_level.model");
  CHECK(tokenizer.vocab_size() == 460 + 256);
  CHECK(tokenizer.bos_id() == 460);
  CHECK(tokenizer.eos_id() == 461);
  // names and places of meta-llama/llama-models, tokenizer.py
  CHECK(tokenizer.id_of_piece("<|begin_of_text|>") == 460);
  CHECK(tokenizer.id_of_piece("<|reserved_special_token_0|>") == 460 + 2);
  CHECK(tokenizer.id_of_piece("<|reserved_special_token_3|>") == 460 + 5);
  CHECK(tokenizer.id_of_piece("<|start_header_id|>") == 460 + 6);
  CHECK(tokenizer.id_of_piece("<|end_header_id|>") == 460 + 7);
  CHECK(tokenizer.id_of_piece("<|reserved_special_token_4|>") == 460 + 8);
  CHECK(tokenizer.id_of_piece("<|eot_id|>") == 460 + 9);
  CHECK(tokenizer.id_of_piece("<|reserved_special_token_5|>") == 460 + 10);
  CHECK(tokenizer.id_of_piece("<|reserved_special_token_250|>") == 460 + 255);
  CHECK(tokenizer.im_start_id() == -1);
  CHECK(tokenizer.im_end_id() == -1);
  for (const std::string text :
       {"<|begin_of_text|>", "a<|end_of_text|>b", "<|im_start|>answer\nyes<|im_end|>\n"}) {
    const auto ids = tokenizer.encode(text);
    CHECK(std::all_of(ids.begin(), ids.end(), [](TokenId id) { return id < 460; }));
    CHECK(tokenizer.decode(ids) == text);
  }
  // the same ranks and pattern as the tokenizer.json beside it
  const Tokenizer json = Tokenizer::load(kOwn / "byte_level.json");
  CHECK(tokenizer.encode("The lattice of BaTiO3.\n") == json.encode("The lattice of BaTiO3.\n"));
  CHECK(tokenizer.fingerprint() != json.fingerprint());
}

TEST_CASE("bpe: saved and loaded again") {
  const testing::TemporaryFolder from, to;
  fs::copy_file(kOwn / "byte_level.json", from / "tokenizer.json");
  const Tokenizer plain = Tokenizer::load(from.path());
  std::ofstream(from / "tokenizer_config.json")
      << R"({"eos_token": {"content": "<|eot_id|>"}, "pad_token": "<|eot_id|>"})";
  const Tokenizer chat = Tokenizer::load(from.path());
  CHECK(plain.eos_id() == 461);
  CHECK(chat.eos_id() == 462);
  CHECK(chat.pad_id() == 462);
  CHECK(chat.fingerprint() != plain.fingerprint());

  const Tokenizer tiktoken = Tokenizer::load(kOwn / "byte_level.model");
  tiktoken.save(to.path());
  CHECK(Tokenizer::load(to.path()).fingerprint() == tiktoken.fingerprint());
  // what another tokenizer left must not be found instead
  chat.save(to.path());
  CHECK(read_file(to / "tokenizer.json") == read_file(from / "tokenizer.json"));
  CHECK_FALSE(fs::exists(to / "tokenizer.model"));
  CHECK(Tokenizer::load(to.path()).fingerprint() == chat.fingerprint());
  plain.save(to.path());
  CHECK(Tokenizer::load(to.path()).fingerprint() == plain.fingerprint());

  // the layout of the file is not part of the tokenizer: padding, white space, merges as texts
  Json json = Json::parse(read_file(kOwn / "byte_level.json"));
  json["padding"] = {{"strategy", "BatchLongest"}};
  for (auto& merge : json["model"]["merges"])
    merge = merge[0].get<std::string>() + " " + merge[1].get<std::string>();
  std::ofstream(to / "tokenizer.json") << json.dump(2);
  CHECK(Tokenizer::load(to.path()).fingerprint() == plain.fingerprint());
}

TEST_CASE("bpe: of two tokenizer files in a folder") {
  const testing::TemporaryFolder folder;
  CHECK(tokenizer_file(folder.path()).empty());
  fs::copy_file(kOwn / "byte_level.json", folder / "tokenizer.json");
  CHECK(tokenizer_file(folder.path()) == folder / "tokenizer.json");
  // a SentencePiece model that has all the tokens, and one that lacks the added ones
  std::vector<ModelPiece> pieces = {{"<unk>", 0, PieceType::kUnknown},
                                    {"<s>", 0, PieceType::kControl},
                                    {"</s>", 0, PieceType::kControl}};
  for (int b = 0; b < 256; ++b)
    pieces.push_back({fmt::format("<0x{:02X}>", b), 0, PieceType::kByte});
  write_file_atomic(folder / "tokenizer.model", make_bpe_model(pieces, true));
  CHECK(tokenizer_file(folder.path()) == folder / "tokenizer.json");
  for (int i = 0; i < 300; ++i)
    pieces.push_back({fmt::format("p{}", i), static_cast<float>(-i), PieceType::kNormal});
  write_file_atomic(folder / "tokenizer.model", make_bpe_model(pieces, true));
  CHECK(tokenizer_file(folder.path()) == folder / "tokenizer.model");
  write_file_atomic(folder / "tokenizer.model", read_file(kOwn / "byte_level.model"));
  CHECK(tokenizer_file(folder.path()) == folder / "tokenizer.model");
  CHECK(Tokenizer::load(folder.path()).vocab_size() == 716);
}

TEST_CASE("bpe: loading says what is wrong") {
  const testing::TemporaryFolder folder;
  const auto model = [&](const std::string& key, const Json& value) {
    Json json = Json::parse(read_file(kOwn / "byte_level.json"))["model"];
    json[key] = value;
    return data_error([&] {
      Tokenizer::load(patched(folder, "byte_level.json", {{"model", json}}));
    });
  };
  const auto top = [&](const std::string& key, const Json& value) {
    return data_error([&] { Tokenizer::load(patched(folder, "byte_level.json", {{key, value}})); });
  };
  CHECK(has(model("type", "WordPiece"), "model of type WordPiece is not read"));
  CHECK(has(model("dropout", 0.1), "model.dropout of type 0.1"));
  CHECK(has(model("end_of_word_suffix", "</w>"), "model.end_of_word_suffix"));
  CHECK(has(model("vocab", Json::object()), "the vocabulary is empty"));
  CHECK(has(model("vocab", {{"a", 0}, {"b", 0}}), "'a' and 'b' share the id 0"));
  CHECK(has(model("vocab", {{"a", -1}}), "'a' has the id -1"));
  CHECK(has(model("unk_token", "<nothing>"), "unk_token '<nothing>' is not in the vocabulary"));
  CHECK(has(model("merges", {"a zz9"}), "merge 0 of 'a' and 'zz9'"));
  CHECK(has(model("merges", {"abc"}), "not two tokens"));
  CHECK(has(top("model", nullptr), "no model with a vocabulary"));
  CHECK(has(top("normalizer", {{"type", "Lowercase"}}), "a normalizer of type Lowercase"));
  CHECK(has(top("pre_tokenizer", {{"type", "Whitespace"}}), "a pre_tokenizer of type Whitespace"));
  CHECK(has(top("pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", true}}),
            "add_prefix_space"));
  CHECK(
      has(top("pre_tokenizer",
              {{"type", "Split"}, {"behavior", "MergedWithNext"}, {"pattern", {{"String", "a"}}}}),
          "MergedWithNext"));
  CHECK(has(top("pre_tokenizer",
                {{"type", "Split"}, {"behavior", "Isolated"}, {"pattern", {{"Regex", "(a"}}}}),
            "the tokenizer's split pattern is not understood"));

  // cut anywhere, both are refused
  const std::string json = read_file(kOwn / "byte_level.json"),
                    ranks = read_file(kOwn / "byte_level.model");
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, std::size_t{100}, json.size() / 2, json.size() - 1}) {
    std::ofstream(folder / "tokenizer.json", std::ios::binary) << json.substr(0, size);
    INFO(size);
    CHECK(has(data_error([&] { Tokenizer::load(folder / "tokenizer.json"); }),
              "is not a whole tokenizer.json"));
  }
  for (const std::size_t size :
       {std::size_t{1000}, std::size_t{ranks.find('\n') + 1}, ranks.size() - 3}) {
    std::ofstream(folder / "tokenizer.model", std::ios::binary) << ranks.substr(0, size);
    INFO(size);
    CHECK_THROWS_AS(Tokenizer::load(folder / "tokenizer.model"), DataError);
  }
  std::string swapped = ranks;
  swapped.replace(swapped.find(" 7\n"), 3, " 8\n");
  std::ofstream(folder / "tokenizer.model", std::ios::binary) << swapped;
  CHECK(has(data_error([&] { Tokenizer::load(folder / "tokenizer.model"); }),
            "tokenizer.model:8: expected a token in base64 and its rank 7"));
  std::ofstream(folder / "tokenizer_config.json") << "{";
  fs::copy_file(kOwn / "byte_level.json", folder / "tokenizer.json",
                fs::copy_options::overwrite_existing);
  CHECK(has(data_error([&] { Tokenizer::load(folder / "tokenizer.json"); }),
            "tokenizer_config.json is not a JSON object"));
}

TEST_CASE("bpe: a text that is not UTF-8 is refused, a byte without a token is told of") {
  const Tokenizer tokenizer = Tokenizer::load(kOwn / "byte_level.model");
  for (const std::string bad : {"a\xFF", "\xC3", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xC0\x80"}) {
    CHECK(has(data_error([&] { tokenizer.encode(bad); }), "is not valid UTF-8"));
  }
  const testing::TemporaryFolder folder;
  const auto path = patched(
      folder, "byte_level.json",
      {{"model", {{"type", "BPE"}, {"vocab", {{"a", 0}, {"b", 1}}}, {"merges", Json::array()}}},
       {"added_tokens", Json::array()},
       {"post_processor", nullptr}});
  const Tokenizer poor = Tokenizer::load(path);
  CHECK(has(poor.note(), "no token for 241 of the 243 bytes"));
  CHECK(poor.encode("a-b") == Ids{0, 1});
}

TEST_CASE("bpe: merges of few and of many tokens are those of the definition") {
  // random merges over an alphabet of 4; ranks repeat, as tiktoken's do
  Random random(5);
  for (int round = 0; round < 20; ++round) {
    std::vector<BpeMerge> merges;
    TokenId next = 4;
    for (int i = 0; i < 30; ++i) {
      const BpeMerge merge{static_cast<TokenId>(random.below(static_cast<std::uint64_t>(next))),
                           static_cast<TokenId>(random.below(static_cast<std::uint64_t>(next))),
                           next, static_cast<std::uint32_t>(random.below(25))};
      const bool twice = std::any_of(merges.begin(), merges.end(), [&](const BpeMerge& m) {
        return m.left == merge.left && m.right == merge.right;
      });
      if (twice) continue;
      merges.push_back(merge);
      ++next;
    }
    const BpeMerges table(merges);
    for (const std::size_t length : {0, 1, 2, 10, 47, 48, 49, 200}) {
      Ids tokens(length);
      for (auto& token : tokens) token = static_cast<TokenId>(random.below(4));
      Ids expected = tokens;
      for (;;) {
        const BpeMerge* best = nullptr;
        std::size_t at = 0;
        for (std::size_t i = 0; i + 1 < expected.size(); ++i) {
          for (const auto& merge : merges) {
            if (merge.left != expected[i] || merge.right != expected[i + 1]) continue;
            if (best == nullptr || merge.rank < best->rank) best = &merge, at = i;
          }
        }
        if (best == nullptr) break;
        expected[at] = best->result;
        expected.erase(expected.begin() + static_cast<std::ptrdiff_t>(at) + 1);
      }
      table.apply(tokens);
      CHECK(tokens == expected);
    }
  }
}

TEST_CASE("bpe: patterns cut a text without losing any of it") {
  const auto cut = [](const std::string& pattern, const std::string& text) {
    std::string out;
    SplitPattern(pattern).split(text, [&](std::string_view word, bool matched) {
      out += fmt::format("{}{}|", matched ? "" : "~", word);
    });
    return out;
  };
  CHECK(cut("b+", "abbcb") == "~a|bb|~c|b|");
  CHECK(cut("x*", "abxxc") == "~ab|xx|~c|");  // empty matches cut nothing
  CHECK(cut(literal_pattern(".[\xC3\xA9"), "a.[\xC3\xA9.") == "~a|.[\xC3\xA9|~.|");
  // U+180E is no white space since Unicode 6.3, U+0085 is
  CHECK(cut(R"(\s)",
            "a\xE1\xA0\x8E"
            "b\xC2\x85"
            "c") ==
        "~a\xE1\xA0\x8E"
        "b|\xC2\x85|~c|");
  CHECK(cut(R"([^\s]+)",
            "a\xE1\xA0\x8E"
            "b\xC2\x85") ==
        "a\xE1\xA0\x8E"
        "b|~\xC2\x85|");
  CHECK(cut(R"(\S)", "\xE1\xA0\x8E") == "\xE1\xA0\x8E|");
}

TEST_CASE("bpe: threads share a tokenizer") {
  const Tokenizer tokenizer = Tokenizer::load(kOwn / "byte_level.json");
  std::vector<std::string> texts;
  std::vector<Ids> expected;
  const Tokenizer alone = Tokenizer::load(kOwn / "byte_level.model");
  for (int i = 0; i < 60; ++i) {
    texts.push_back(fmt::format("The density of sample {} is {}.{} g/cm3.", i, i % 9, i));
    expected.push_back(alone.encode(texts.back()));
  }
  std::vector<int> wrong(4, 0);
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int round = 0; round < 50; ++round) {
        for (std::size_t i = 0; i < texts.size(); ++i)
          wrong[static_cast<std::size_t>(t)] += tokenizer.encode(texts[i]) != expected[i];
      }
    });
  }
  threads.clear();
  CHECK(wrong == std::vector<int>(4, 0));
}
