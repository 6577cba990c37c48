// Tokenizers: loading, exact round trips, training, llama2.c models. References for the shared models
// were made by the Python wheel `sentencepiece` 0.2.0 (tests/data/make_tokenizer_reference.py).
#include "data/tokenizer.h"

#include <fstream>

#include <nlohmann/json.hpp>
#include <sentencepiece_processor.h>

#include "base/error.h"
#include "base/files.h"
#include "base/random.h"
#include "base/text.h"
#include "data/tokenizer_training.h"
#include "tests/catch.h"
#include "tests/source_folder.h"
#include "tests/temporary_folder.h"

using namespace anneal;
namespace fs = std::filesystem;

namespace {

/// Sentences with enough variety for a few hundred merges.
std::vector<std::string> sample_texts() {
  const std::vector<std::string> nouns = {"perovskite", "lattice", "anneal", "oxide", "band gap", "crystal", "electrode"};
  const std::vector<std::string> verbs = {"shows", "was sintered at", "contains", "has a density of", "crystallizes with"};
  std::vector<std::string> texts;
  Random random(7);
  for (int i = 0; i < 400; ++i) {
    texts.push_back("The " + nouns[random.below(nouns.size())] + " " + verbs[random.below(verbs.size())] + " " +
                    std::to_string(random.below(2000)) + " units.\nA second line follows; " +
                    nouns[random.below(nouns.size())] + " too.");
  }
  return texts;
}

Tokenizer small_tokenizer(int vocab_size = 420) {
  TokenizerOptions options;
  options.vocab_size = vocab_size;
  auto texts = sample_texts();
  std::size_t next = 0;
  return train_tokenizer([&]() -> std::optional<std::string> {
    if (next == texts.size()) return std::nullopt;
    return texts[next++];
  }, options);
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

/// Code points drawn from all planes, surrogates left out.
std::string random_utf8(Random& random, int length) {
  std::string text;
  for (int i = 0; i < length; ++i) {
    const std::uint32_t limits[] = {0x80, 0x800, 0x3000, 0x10000, 0x110000};
    std::uint32_t c = static_cast<std::uint32_t>(random.below(limits[random.below(5)]));
    if (c >= 0xD800 && c < 0xE000) c = 0x2581;
    if (c < 0x80) text += static_cast<char>(c);
    else if (c < 0x800) { text += static_cast<char>(0xC0 | c >> 6); text += static_cast<char>(0x80 | (c & 63)); }
    else if (c < 0x10000) {
      text += static_cast<char>(0xE0 | c >> 12); text += static_cast<char>(0x80 | (c >> 6 & 63)); text += static_cast<char>(0x80 | (c & 63));
    } else {
      text += static_cast<char>(0xF0 | c >> 18); text += static_cast<char>(0x80 | (c >> 12 & 63));
      text += static_cast<char>(0x80 | (c >> 6 & 63)); text += static_cast<char>(0x80 | (c & 63));
    }
  }
  return text;
}

}  // namespace

TEST_CASE("a trained tokenizer loses nothing") {
  const Tokenizer tokenizer = small_tokenizer();
  CHECK(tokenizer.vocab_size() == 420);
  CHECK(tokenizer.unk_id() == 0);
  CHECK(tokenizer.bos_id() == 1);
  CHECK(tokenizer.eos_id() == 2);
  CHECK(tokenizer.pad_id() == -1);
  REQUIRE(tokenizer.im_start_id() > 0);
  REQUIRE(tokenizer.im_end_id() > 0);
  CHECK_FALSE(tokenizer.adds_space_before());

  const std::vector<std::string> texts = {
      "", " ", "a", " leading", "trailing ", "two  spaces   three", "tab\tand\n\nlines\r\n", "\n",
      "<|im_start|>system\nYou are<|im_end|>\n", "literal \xE2\x96\x81 mark \xE2\x96\x81\xE2\x96\x81",
      "\xF0\x9F\x98\x80\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x94\xAC", "Ba0.95La0.05FeO3-\xCE\xB4 at 1200 \xC2\xB0""C", "</s><s><unk>",
      "\xEF\xBB\xBF""bom", "e\xCC\x81 \xC3\xA9", std::string("nul\0nul", 7), "\xEF\xBF\xBD"};
  for (const auto& text : texts) {
    INFO(text);
    CHECK(tokenizer.decode(tokenizer.encode(text)) == text);
  }
  Random random(3);
  for (int i = 0; i < 300; ++i) {
    const std::string text = random_utf8(random, 40);
    CHECK(tokenizer.decode(tokenizer.encode(text)) == text);
  }
}

TEST_CASE("pieces of a trained tokenizer") {
  const Tokenizer tokenizer = small_tokenizer();
  const auto ids = tokenizer.encode("x<|im_start|>answer\n12\n");
  CHECK(std::count(ids.begin(), ids.end(), tokenizer.im_start_id()) == 1);
  // a line feed is one token, and a digit never joins another
  REQUIRE(ids.size() >= 4);
  CHECK(tokenizer.piece_bytes(ids.back()) == "\n");
  CHECK(tokenizer.piece_bytes(ids[ids.size() - 2]) == "2");
  CHECK(tokenizer.piece_bytes(ids[ids.size() - 3]) == "1");
  CHECK(tokenizer.encode("\n").size() == 1);

  CHECK(tokenizer.piece_bytes(tokenizer.bos_id()).empty());
  CHECK(tokenizer.piece_bytes(tokenizer.id_of_piece("<0x0A>")) == "\n");
  CHECK(tokenizer.piece_bytes(tokenizer.id_of_piece("<0xFF>")) == "\xFF");
  CHECK(tokenizer.id_of_piece("no such piece") == -1);
  // the pieces' bytes, joined, are the text
  std::string joined;
  for (const TokenId id : tokenizer.encode("The lattice  contains\tit.")) joined += tokenizer.piece_bytes(id);
  CHECK(joined == "The lattice  contains\tit.");
  CHECK_THROWS_AS(tokenizer.decode(std::vector<TokenId>{420}), DataError);
  CHECK_THROWS_AS(tokenizer.decode(std::vector<TokenId>{-1}), DataError);
  // bytes that are no UTF-8 do not come out
  CHECK(tokenizer.decode(std::vector<TokenId>{tokenizer.id_of_piece("<0xFF>")}) == "\xEF\xBF\xBD");
}

TEST_CASE("training is deterministic and its faults are clear") {
  CHECK(small_tokenizer().fingerprint() == small_tokenizer().fingerprint());
  CHECK(small_tokenizer(420).fingerprint() != small_tokenizer(410).fingerprint());
  const std::string large = data_error([] { small_tokenizer(50000); });
  CHECK(large.find("the texts give") != std::string::npos);
  CHECK(large.find("hint: set tokenizer.vocab_size to") != std::string::npos);
  const std::string small = data_error([] { small_tokenizer(270); });
  CHECK(small.find("alone need") != std::string::npos);
  CHECK(data_error([] { train_tokenizer([] { return std::optional<std::string>(); }, {}); }).find("no text") != std::string::npos);
}

TEST_CASE("a text longer than a sentence of SentencePiece is learned from") {
  // one line of 300 kB: dropped whole, it would leave nothing
  std::string line;
  for (const auto& text : sample_texts()) line += text.substr(0, text.find('\n')) + " ";
  for (int i = 0; i < 3; ++i) line += line;
  bool given = false;
  TokenizerOptions options;
  options.vocab_size = 400;
  const Tokenizer tokenizer = train_tokenizer([&]() -> std::optional<std::string> {
    if (given) return std::nullopt;
    given = true;
    return line;
  }, options);
  CHECK(tokenizer.encode(" perovskite").size() == 1);
}

TEST_CASE("the sample stays within its limit") {
  TokenizerOptions options;
  options.vocab_size = 380;
  options.max_sentences = 100;
  const auto texts = sample_texts();
  std::size_t next = 0;
  const auto iterator = [&]() -> std::optional<std::string> {
    if (next == texts.size()) return std::nullopt;
    return texts[next++];
  };
  const auto first = train_tokenizer(iterator, options).fingerprint();
  next = 0;
  CHECK(train_tokenizer(iterator, options).fingerprint() == first);
}

TEST_CASE("loading says what is wrong") {
  const testing::TemporaryFolder folder;
  CHECK(data_error([&] { Tokenizer::load(folder / "none.model"); }).find("does not exist") != std::string::npos);
  CHECK(data_error([&] { Tokenizer::load(folder.path()); }).find("holds no tokenizer.model") != std::string::npos);
  std::ofstream(folder / "tokenizer.json") << "{}";
  CHECK(data_error([&] { Tokenizer::load(folder.path()); }).find("tokenizer.json: it holds no model with a vocabulary") != std::string::npos);

  const Tokenizer tokenizer = small_tokenizer();
  tokenizer.save(folder.path());
  CHECK(Tokenizer::load(folder.path()).fingerprint() == tokenizer.fingerprint());
  CHECK(Tokenizer::load(folder / "tokenizer.model").encode("The oxide") == tokenizer.encode("The oxide"));

  // cut anywhere, it is refused
  const std::string whole = tokenizer.model_proto();
  for (std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{14}, std::size_t{100}, whole.size() / 2, whole.size() - 30, whole.size() - 1}) {
    INFO(size);
    std::ofstream(folder / "tokenizer.model", std::ios::binary) << whole.substr(0, size);
    CHECK(data_error([&] { Tokenizer::load(folder.path()); }).find("not a whole SentencePiece model") != std::string::npos);
  }
  Random random(1);
  for (std::size_t size = 0; size < whole.size(); size += 97) {
    CHECK_THROWS_AS(Tokenizer::from_bytes(whole.substr(0, size), "cut"), DataError);
  }
  std::ofstream(folder / "tokenizer.model", std::ios::binary) << "this is just a text, no model at all";
  CHECK_THROWS_AS(Tokenizer::load(folder.path()), DataError);
}

TEST_CASE("words taken one by one give what SentencePiece gives for the whole text") {
  std::vector<Tokenizer> tokenizers = {small_tokenizer()};
  if (const auto data = testing::shared_data()) {
    tokenizers.push_back(Tokenizer::load(*data / "models" / "tok512.bin"));
    for (const char* name : {"sp_test_model.model", "torchtune_m.model", "torchtune_sentencepiece.model"}) {
      tokenizers.push_back(Tokenizer::load(*data / "tokenizers" / name));
    }
  }
  const std::vector<std::string> usual = {" ", "  ", "\n", "\t", "the", "lattice", "oxide", "12", "0.05", ".", "<|im_start|>",
                                          "<|im_end|>", "\xCE\xB4", "\xF0\x9F\x98\x80", "a", "once", "Lily", "</s>", "-", "\r\n"};
  Random random(2);
  for (const auto& tokenizer : tokenizers) {
    sentencepiece::SentencePieceProcessor whole;
    REQUIRE(whole.LoadFromSerializedProto(tokenizer.model_proto()).ok());
    // a literal space mark: one more space to SentencePiece; our own tokenizers keep it apart
    auto parts = usual;
    if (tokenizer.adds_space_before()) parts.push_back("\xE2\x96\x81");
    for (int i = 0; i < 400; ++i) {
      std::string text;
      for (std::uint64_t n = random.below(30); n > 0; --n) text += parts[random.below(parts.size())];
      std::vector<int> expected;
      REQUIRE(whole.Encode(text, &expected).ok());
      INFO(text);
      CHECK(tokenizer.encode(text) == expected);
    }
  }
}

TEST_CASE("llama2.c tokenizer") {
  const auto data = testing::shared_data();
  if (!data) {
    WARN("skipped: ../shared/data is missing");
    return;
  }
  const auto path = *data / "models" / "tok512.bin";
  const Tokenizer tokenizer = Tokenizer::load(path);
  CHECK(tokenizer.vocab_size() == 512);
  CHECK(tokenizer.unk_id() == 0);
  CHECK(tokenizer.bos_id() == 1);
  CHECK(tokenizer.eos_id() == 2);
  CHECK(tokenizer.adds_space_before());
  CHECK(tokenizer.piece_bytes(3 + 10) == "\n");
  for (const std::string text : {"Once upon a time, there was a little girl named Lily.", "a  b\n\xF0\x9F\x98\x80", " x"}) {
    CHECK(tokenizer.decode(tokenizer.encode(text)) == text);
  }
  CHECK(tokenizer.encode("Once upon a time") == std::vector<TokenId>{403, 407, 261, 378});

  const testing::TemporaryFolder folder;
  const std::string whole = read_file(path);
  for (const std::size_t size : {std::size_t{0}, std::size_t{3}, std::size_t{4}, std::size_t{500}, whole.size() / 2, whole.size() - 1}) {
    std::ofstream(folder / "cut.bin", std::ios::binary) << whole.substr(0, size);
    INFO(size);
    CHECK_THROWS_AS(Tokenizer::load(folder / "cut.bin"), DataError);
  }
}

TEST_CASE("models of others encode as the Python wheel does") {
  const auto data = testing::shared_data();
  if (!data) {
    WARN("skipped: ../shared/data is missing");
    return;
  }
  const auto reference = nlohmann::json::parse(read_file(anneal::testing::source_folder() / "tests/data/tokenizer_reference.json"));
  int compared = 0;
  for (const auto& [model, cases] : reference.at("models").items()) {
    const Tokenizer tokenizer = Tokenizer::load(*data / "tokenizers" / model);
    for (const auto& one : cases) {
      const std::string text = one.at("text");
      INFO(model << ": " << text);
      CHECK(tokenizer.encode(text) == one.at("ids").get<std::vector<TokenId>>());
      CHECK(tokenizer.decode(one.at("ids").get<std::vector<TokenId>>()) == one.at("decoded").get<std::string>());
      ++compared;
    }
  }
  CHECK(compared >= 24);
}
