// Sampling: greedy, nucleus, and crystal strings under the grammar.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iterator>
#include <limits>
#include <map>
#include <numeric>
#include <set>

#include "base/random.h"
#include "cif/crystal_string.h"
#include "data/tokenizer_training.h"
#include "tests/catch.h"
#include "tests/source_folder.h"
#include "trainer/generate.h"
#include "trainer/sampler.h"
#include "trainer/sharded_model.h"
#include "trainer/token_grammar.h"

using namespace anneal;

namespace {

/// A model of one small layer with fresh weights.
Decoder fresh_decoder(std::int64_t vocab_size) {
  ModelShape shape;
  shape.dim = 16, shape.layers = 1, shape.heads = 2, shape.kv_heads = 1, shape.head_dim = 8;
  shape.ffn_dim = 24, shape.vocab_size = vocab_size, shape.max_positions = 400;
  const auto filler = fresh_weights(shape, 3);
  return Decoder(shape, [&](const std::string& name) {
    for (const auto& spec : parameter_specs(shape)) {
      if (spec.name != name) continue;
      at::Tensor t = at::empty(spec.shape, at::kFloat);
      filler({.name = name, .shape = spec.shape}, 0, t.numel(), t.data_ptr<float>());
      return t;
    }
    return at::Tensor();
  });
}

Tokenizer byte_pair_tokenizer(const std::string& file) {
  return Tokenizer::load(anneal::testing::source_folder() / "tests/data/bpe" / file);
}

}  // namespace

TEST_CASE("sampling follows the distribution and the nucleus") {
  const std::vector<float> logits = {std::log(0.5f), std::log(0.3f), std::log(0.15f), std::log(0.05f)};
  Random random(1);
  CHECK(sample_token(logits, {}, {.temperature = 0}, random) == 0);
  const std::vector<TokenId> some = {2, 3};
  CHECK(sample_token(logits, some, {.temperature = 0}, random) == 2);
  std::map<TokenId, int> counts;
  for (int i = 0; i < 20000; ++i) ++counts[sample_token(logits, {}, {}, random)];
  CHECK(counts[0] == Approx(10000).margin(300));  // four standard errors
  CHECK(counts[3] == Approx(1000).margin(125));
  counts.clear();
  for (int i = 0; i < 20000; ++i) ++counts[sample_token(logits, {}, {.top_p = 0.75}, random)];
  CHECK(counts.size() == 2);  // 0.5 does not reach 0.75, 0.5 + 0.3 does
  CHECK(counts[0] == Approx(12500).margin(300));
}

TEST_CASE("the nucleus is the smallest set of the likeliest tokens that reaches top_p") {
  // Against sorting all of them: many tokens, some of equal weight, sharp and flat distributions.
  Random numbers(11);
  for (const double width : {0.1, 1.0, 4.0, 12.0}) {
    std::vector<float> logits(3000);
    for (auto& x : logits) x = static_cast<float>(std::floor(numbers.normal() * 50) / 50 * width);
    std::vector<TokenId> order(logits.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](TokenId a, TokenId b) { return logits[a] > logits[b]; });
    double sum = 0;
    for (const float x : logits) sum += std::exp(static_cast<double>(x) - logits[order[0]]);
    for (const double top_p : {0.05, 0.5, 0.9}) {
      INFO("width " << width << ", top_p " << top_p);
      std::set<TokenId> nucleus, drawn;
      double reached = 0;
      for (const TokenId t : order) {
        if (reached >= top_p * sum) break;
        reached += std::exp(static_cast<double>(logits[t]) - logits[order[0]]);
        nucleus.insert(t);
      }
      for (int i = 0; i < 8000; ++i) drawn.insert(sample_token(logits, {}, {.top_p = top_p}, numbers));
      // Rounding may move the end of the set by a token.
      std::vector<TokenId> beyond, never;
      std::set_difference(drawn.begin(), drawn.end(), nucleus.begin(), nucleus.end(), std::back_inserter(beyond));
      CHECK(beyond.size() <= 1);
      if (nucleus.size() < 60 && width < 12) {  // all of them are likely enough to have been drawn
        std::set_difference(nucleus.begin(), nucleus.end(), drawn.begin(), drawn.end(), std::back_inserter(never));
        CHECK(never.size() <= 1);
      }
    }
  }
}

TEST_CASE("a token without probability is never drawn") {
  const float none = -std::numeric_limits<float>::infinity();
  const std::vector<float> logits = {none, 1, none, 0, none};
  Random random(5);
  for (int i = 0; i < 1000; ++i) {
    const TokenId token = sample_token(logits, {}, {}, random);
    CHECK((token == 1 || token == 3));
  }
}

TEST_CASE("a rounding error that swaps two near ties changes no sample") {
  // As from products of another batch size: token 1 a last bit above token 3, or the other way round.
  std::vector<float> a(40, -1.0f), b;
  a[1] = 2.0f, a[3] = std::nextafter(2.0f, 3.0f);
  b = a;
  std::swap(b[1], b[3]);
  int tied = 0;
  for (std::uint64_t i = 0; i < 2000; ++i) {
    Random one(derive_key({7, i})), other(derive_key({7, i}));
    const TokenId token = sample_token(a, {}, {.top_p = 0.9}, one);
    CHECK(token == sample_token(b, {}, {.top_p = 0.9}, other));
    tied += token == 1 || token == 3;
  }
  CHECK(tied > 500);
}

TEST_CASE("every finished sample of an untrained model under the grammar is a crystal") {
  // A tokenizer with pieces of several bytes ("Fe", " xoa"), most of which no crystal string holds.
  int given = 0;
  TokenizerOptions options;
  options.vocab_size = 340;
  const Tokenizer tokenizer = train_tokenizer(
      [&]() -> std::optional<std::string> {
        if (given++ > 200) return std::nullopt;
        if (given % 2) {
          const int i = given / 2;
          return std::string(1, static_cast<char>('a' + i % 26)) + "xo" + static_cast<char>('a' + i % 7) + " Fe2O3";
        }
        return "3." + std::to_string(given % 10) + " 4.0 5.2\n90 90 120\nFe\n0.50 0.50 0.00\nO\n0.00 0.25 0.75";
      },
      options);
  Decoder decoder = fresh_decoder(tokenizer.vocab_size());
  GenerationOptions generation{.max_tokens = 300, .batch = 16, .grammar = true, .end_ids = default_end_ids(tokenizer)};
  generation.grammar_options.min_sites = 2;
  generation.grammar_options.max_sites = 6;
  const std::vector<std::string> prompts(60, "Crystal:\n");
  std::map<std::int64_t, std::string> texts;
  generate(decoder, tokenizer, prompts, 0, 1, generation, [&](const Sample& sample) {
    CHECK(sample.finished);
    const auto parsed = parse_crystal_string(sample.text);
    INFO(sample.text);
    REQUIRE(parsed.crystal);
    CHECK(parsed.crystal->sites.size() >= 2);
    CHECK(parsed.crystal->sites.size() <= 6);
    texts[sample.index] = sample.text;
  });
  REQUIRE(texts.size() == 60);
  // A sample depends on its index only, not on the batch or on who else is sampled.
  generation.batch = 5;
  const std::vector<std::string> odd(30, "Crystal:\n");
  generate(decoder, tokenizer, odd, 1, 2, generation,
           [&](const Sample& sample) { CHECK(sample.text == texts.at(sample.index)); });
  // A budget that is too tight is said so; one that suffices for the shortest end is kept to.
  generation.max_tokens = 60;
  generate(decoder, tokenizer, odd, 0, 1, generation, [&](const Sample& sample) {
    if (sample.finished) CHECK(parse_crystal_string(sample.text).crystal);
    CHECK(sample.tokens <= 60);
  });
}

TEST_CASE("the grammar allows exactly the byte-pair tokens whose bytes go on with a crystal") {
  for (const std::string file : {"byte_level.model", "byte_level.json", "characters.json"}) {
    const Tokenizer tokenizer = byte_pair_tokenizer(file);
    const CrystalGrammar grammar;
    const auto ends = default_end_ids(tokenizer);
    TokenGrammar tokens({}, tokenizer, ends);
    GrammarState state = tokens.start();
    // along a crystal, token by token as the tokenizer writes it; pieces may cross line feeds and numbers
    int several_bytes = 0;
    for (const TokenId id : tokenizer.encode_continuation("5.6 5.6 5.6\n90 90 120\nFe\n0.25 0.75 0.50\nO\n0.00 0.00 0.00")) {
      INFO(file << ": " << tokenizer.piece_bytes(id));
      std::vector<TokenId> expected;
      for (TokenId t = 0; t < tokenizer.vocab_size(); ++t) {
        const std::string& bytes = tokenizer.piece_bytes(t);
        const bool end = std::count(ends.begin(), ends.end(), t) > 0;
        if (end ? grammar.may_end(state) : t != tokenizer.unk_id() && !bytes.empty() && grammar.advance(state, bytes)) expected.push_back(t);
      }
      const auto allowed = tokens.allowed(state, 10000);
      CHECK(std::vector<TokenId>(allowed.begin(), allowed.end()) == expected);
      CHECK(std::count(expected.begin(), expected.end(), id) == 1);
      several_bytes += tokenizer.piece_bytes(id).size() > 1;
      state = tokens.advance(state, id);
    }
    CHECK(grammar.may_end(state));
    CHECK(several_bytes > 0);
  }
}

TEST_CASE("where the end of a turn is plain text, it ends a sample") {
  const Tokenizer plain = byte_pair_tokenizer("byte_level.model"), marked = byte_pair_tokenizer("byte_level.json");
  CHECK(default_end_text(plain) == "<|im_end|>");
  CHECK(default_end_text(marked).empty());
  CHECK(default_end_ids(plain) == std::vector<TokenId>{plain.eos_id(), plain.id_of_piece("<|eot_id|>")});
  CHECK(default_end_ids(marked) == std::vector<TokenId>{marked.eos_id(), marked.im_end_id(), marked.id_of_piece("<|eot_id|>")});

  // crystals: the first token of the marker is an end
  Decoder decoder = fresh_decoder(plain.vocab_size());
  const std::vector<std::string> prompts(20, "Crystal:\n");
  int finished = 0;
  GenerationOptions options{.max_tokens = 300, .batch = 10, .grammar = true, .end_text = "<|im_end|>"};
  options.grammar_options.max_sites = 4;
  generate(decoder, plain, prompts, 0, 1, options, [&](const Sample& sample) {
    INFO(sample.text);
    finished += sample.finished;
    CHECK(parse_crystal_string(sample.text).crystal);
  });
  CHECK(finished == 20);  // without end ids there is no other end

  // text: a text that is sure to come stands for the marker
  options = {.sampling = {.temperature = 0}, .max_tokens = 30, .batch = 1};
  std::string whole;
  const std::vector<std::string> one{"The oxide"};
  generate(decoder, plain, one, 0, 1, options, [&](const Sample& sample) { whole = sample.text; });
  REQUIRE(whole.size() >= 12);
  options.end_text = whole.substr(5, 4);
  const std::size_t place = whole.find(options.end_text);
  generate(decoder, plain, one, 0, 1, options, [&](const Sample& sample) {
    CHECK(sample.finished);
    CHECK(sample.text == whole.substr(0, place));
    CHECK(sample.tokens < 30);
  });
}
