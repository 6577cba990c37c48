// From sources to shards: shares, held-out documents, reuse, determinism, interruption, inspection.
#include "data/prepare.h"

#include <cmath>
#include <fstream>
#include <set>

#include <sys/mount.h>

#include "base/error.h"
#include "base/files.h"
#include "base/random.h"
#include "base/text.h"
#include "data/inspect.h"
#include "data/token_stream.h"
#include "data/tokenizer_training.h"
#include "tests/catch.h"
#include "tests/temporary_folder.h"

using namespace anneal;
namespace fs = std::filesystem;

namespace {

const Log kSilent(/*speaks=*/false);

std::string sentence(Random& random) {
  const std::vector<std::string> words = {"the", "oxide", "was", "heated", "to", "form", "a", "cubic", "phase", "with",
                                          "lattice", "strain", "and", "good", "ionic", "conductivity"};
  std::string text;
  for (std::uint64_t i = 0; i < 8 + random.below(30); ++i) text += words[random.below(words.size())] + " ";
  return text + std::to_string(random.below(1000));
}

/// A corpus of lines with its own tokenizer.
struct Corpus {
  testing::TemporaryFolder folder;
  Recipe recipe;
  Corpus(int materials = 300, int general = 40) {
    write("materials", materials);
    write("general", general);
    recipe.tokenizer.vocab_size = 340;
    recipe.data.mixture = {{"materials", 0.97}, {"general", 0.03}};
    train_tokenizer(recipe, folder / "tokenizer.model", kSilent);
    recipe.tokenizer.path = (folder / "tokenizer.model").string();
  }
  void write(const std::string& name, int lines) {
    Random random(name_key(name));
    std::ofstream out(folder / (name + ".txt"));
    for (int i = 0; i < lines; ++i) out << name << " " << i << " " << sentence(random) << "\n";
    recipe.data.sources[name].path = (folder / (name + ".txt")).string();
    recipe.data.sources[name].document = "line";
    recipe.data.sources[name].heldout = 0.1;
  }
  fs::path shards() const { return folder / "shards"; }
};

/// Texts of all documents of a split.
std::multiset<std::string> texts_of(const fs::path& shards, const std::string& split, const Tokenizer& tokenizer) {
  const TokenStream stream(shards, split, 1 << 20, true, 1);
  const TokenBatch batch = stream.rows(0, 1);
  std::multiset<std::string> texts;
  std::vector<TokenId> ids;
  for (std::size_t i = 0; i < batch.tokens.size() && batch.documents[i] >= 0; ++i) {
    ids.push_back(batch.tokens[i]);
    if (i + 1 < batch.tokens.size() && batch.documents[i + 1] == batch.documents[i]) continue;
    texts.insert(tokenizer.decode(ids));
    ids.clear();
  }
  return texts;
}

}  // namespace

TEST_CASE("prepare: shares, held-out documents and report") {
  Corpus corpus;
  const PrepareReport report = prepare(corpus.recipe, corpus.shards(), kSilent);
  CHECK_FALSE(report.reused);
  CHECK(report.text_bytes > 10'000);
  REQUIRE(report.manifest.sources.size() == 2);
  const SourceSummary& general = report.manifest.sources[0];
  CHECK(general.name == "general");
  CHECK(general.documents == 40);
  CHECK(general.heldout_documents >= 1);
  CHECK(std::abs(general.share_written - 0.03) < 0.0005);
  CHECK(describe_sources(report.manifest).find("general") != std::string::npos);
  // the shards say what the report says
  CHECK(report.manifest.train_tokens() == general.tokens_written + report.manifest.sources[1].tokens_written);
  CHECK(TokenStream(corpus.shards(), "train", 64, true, 1).num_tokens() == report.manifest.train_tokens());
  CHECK(TokenStream::heldout_splits(corpus.shards()) == std::vector<std::string>{"general", "materials"});

  // no document is on both sides; together they are the source
  const Tokenizer tokenizer = recipe_tokenizer(corpus.recipe);
  const auto train = texts_of(corpus.shards(), "train", tokenizer);
  const auto heldout = texts_of(corpus.shards(), "materials", tokenizer);
  CHECK(heldout.size() > 10);
  for (const auto& text : heldout) CHECK_FALSE(train.contains(text));
  std::set<std::string> all(heldout.begin(), heldout.end());
  for (const auto& text : train) {
    // cut documents are parts of lines; whole ones start with the source's name
    if (text.starts_with("materials ")) all.insert(text);
  }
  CHECK(all.size() == 300);
}

TEST_CASE("prepare: a second call does nothing; any change prepares again") {
  Corpus corpus;
  const auto first = prepare(corpus.recipe, corpus.shards(), kSilent);
  const auto second = prepare(corpus.recipe, corpus.shards(), kSilent);
  CHECK(second.reused);
  CHECK(second.manifest.content_fingerprint() == first.manifest.content_fingerprint());

  const auto changed = [&] { return !prepare(corpus.recipe, corpus.shards(), kSilent).reused; };
  corpus.recipe.run.seed = 2;
  CHECK(changed());
  corpus.recipe.data.mixture = {{"materials", 0.9}, {"general", 0.1}};
  CHECK(changed());
  corpus.recipe.data.max_tokens = 2000;
  CHECK(changed());
  corpus.recipe.data.sources["general"].max_documents = 20;
  CHECK(changed());
  std::ofstream(corpus.folder / "general.txt", std::ios::app) << "one more line of text\n";
  CHECK(changed());
  CHECK_FALSE(changed());
  // a file that is touched but the same is no change
  fs::last_write_time(corpus.folder / "general.txt", fs::file_time_type::clock::now());
  CHECK_FALSE(changed());
  // a damaged shard is made again
  std::ofstream(corpus.shards() / "train-00000.h5", std::ios::app) << "x";
  CHECK(changed());
  fs::remove(corpus.shards() / "tokenizer.model");
  CHECK(changed());
  CHECK_FALSE(changed());
}

TEST_CASE("prepare: the result does not depend on threads or folder") {
  Corpus corpus(500, 60);
  const auto one = prepare(corpus.recipe, corpus.folder / "one", kSilent, /*threads=*/1);
  const auto four = prepare(corpus.recipe, corpus.folder / "four", kSilent, /*threads=*/4);
  CHECK(one.manifest.content_fingerprint() == four.manifest.content_fingerprint());
}

TEST_CASE("prepare: what an interrupted call leaves is not taken for whole") {
  Corpus corpus;
  prepare(corpus.recipe, corpus.shards(), kSilent);
  std::ofstream(corpus.folder / "general.txt", std::ios::app) << "bad \xFF byte\n";
  CHECK_THROWS_AS(prepare(corpus.recipe, corpus.shards(), kSilent), DataError);
  CHECK_THROWS_AS(TokenStream(corpus.shards(), "train", 64, true, 1), DataError);
  corpus.write("general", 40);
  std::ofstream(corpus.shards() / "train-00000.h5.tmp-anneal-1") << "half";
  CHECK_FALSE(prepare(corpus.recipe, corpus.shards(), kSilent).reused);
  CHECK_FALSE(fs::exists(corpus.shards() / "train-00000.h5.tmp-anneal-1"));
}

TEST_CASE("prepare: a full disk") {
  Corpus corpus(3000, 300);
  fs::create_directories(corpus.shards());
  if (::mount("tmpfs", corpus.shards().c_str(), "tmpfs", 0, "size=128k") != 0) {
    WARN("skipped: no permission to mount a small tmpfs");
    return;
  }
  std::string message;
  try {
    prepare(corpus.recipe, corpus.shards(), kSilent);
  } catch (const DataError& error) {
    message = error.full_message();
  }
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(corpus.shards())) ++files;
  ::umount(corpus.shards().c_str());
  CHECK(message.find("disk is full") != std::string::npos);
  CHECK(files == 0);
}

TEST_CASE("prepare: held-out parts of small and single-document sources") {
  Corpus corpus;
  corpus.recipe.data.mixture.clear();
  corpus.write("general", 2);
  corpus.recipe.data.sources["general"].heldout = 0.01;
  corpus.recipe.data.sources["materials"].document = "file";
  corpus.recipe.data.heldout_max_tokens = 150;
  const auto report = prepare(corpus.recipe, corpus.shards(), kSilent);
  CHECK(report.manifest.sources[0].heldout_documents == 1);
  CHECK(report.manifest.sources[1].documents == 1);
  CHECK(report.manifest.sources[1].heldout_tokens == 150);
  CHECK(report.manifest.sources[1].tokens_written == report.manifest.sources[1].tokens - 150);
  corpus.recipe.data.sources["general"].heldout = 0;
  corpus.recipe.data.sources["materials"].heldout = 0;
  prepare(corpus.recipe, corpus.shards(), kSilent);
  CHECK(TokenStream::heldout_splits(corpus.shards()).empty());
}

TEST_CASE("prepare: equal texts stay on one side") {
  Corpus corpus;
  {
    std::ofstream out(corpus.folder / "materials.txt");
    for (int i = 0; i < 400; ++i) out << "document number " << i % 50 << "\n";
  }
  corpus.recipe.data.mixture.clear();
  prepare(corpus.recipe, corpus.shards(), kSilent);
  const Tokenizer tokenizer = recipe_tokenizer(corpus.recipe);
  const auto train = texts_of(corpus.shards(), "train", tokenizer);
  for (const auto& text : texts_of(corpus.shards(), "materials", tokenizer)) CHECK_FALSE(train.contains(text));
}

TEST_CASE("prepare: faults of the recipe") {
  Corpus corpus;
  Recipe recipe = corpus.recipe;
  recipe.data.sources.clear();
  CHECK_THROWS_AS(prepare(recipe, corpus.shards(), kSilent), UsageError);
  recipe = corpus.recipe;
  recipe.data.mixture = {{"materials", 1.0}};
  CHECK_THROWS_AS(prepare(recipe, corpus.shards(), kSilent), UsageError);
  recipe = corpus.recipe;
  recipe.tokenizer.path.clear();
  CHECK_THROWS_AS(prepare(recipe, corpus.shards(), kSilent), UsageError);
  recipe = corpus.recipe;
  recipe.data.sources["train"] = recipe.data.sources["general"];
  CHECK_THROWS_AS(prepare(recipe, corpus.shards(), kSilent), UsageError);
}

TEST_CASE("prepare: chat documents carry loss on the answer only") {
  Corpus corpus;
  {
    std::ofstream out(corpus.folder / "chat.jsonl");
    for (int i = 0; i < 30; ++i) out << R"({"system":"be brief","question":"what is )" << i << R"(?","answer":"it is )" << i << "\"}\n";
  }
  corpus.recipe.data = {};
  corpus.recipe.data.sources["chat"].kind = "chat";
  corpus.recipe.data.sources["chat"].path = (corpus.folder / "chat.jsonl").string();
  prepare(corpus.recipe, corpus.shards(), kSilent);
  const TokenStream stream(corpus.shards(), "train", 128, true, 1);
  const Tokenizer tokenizer = Tokenizer::load(corpus.shards());
  const TokenBatch batch = stream.rows(0, 1);
  std::vector<TokenId> targets;
  for (std::size_t i = 0; i < batch.tokens.size() && batch.documents[i] <= 0; ++i) {
    if (batch.targets[i] != kNoTarget) targets.push_back(batch.targets[i]);
  }
  const std::string answer = tokenizer.decode(targets);
  CHECK(answer.starts_with("it is "));
  CHECK(answer.ends_with("<|im_end|>"));
  CHECK(batch.tokens[0] == tokenizer.bos_id());
  CHECK(batch.tokens[1] == tokenizer.im_start_id());

  const std::string shown = describe_batch(corpus.shards(), 0, {.sequence_length = 128, .rows = 1});
  CHECK(shown.find("[[<s><|im_start|>system\\nbe brief<|im_end|>") != std::string::npos);
  CHECK(shown.find("answer\\n]]it is ") != std::string::npos);
  CHECK(shown.find("document 0") != std::string::npos);
  corpus.recipe.data.answer_loss = "all";
  CHECK_FALSE(prepare(corpus.recipe, corpus.shards(), kSilent).reused);
  CHECK(TokenStream(corpus.shards(), "train", 128, true, 1).rows(0, 1).num_targets > 2 * batch.num_targets);
}

TEST_CASE("inspection of a shard folder") {
  Corpus corpus;
  CHECK_FALSE(is_shard_folder(corpus.folder.path()));
  prepare(corpus.recipe, corpus.shards(), kSilent);
  CHECK(is_shard_folder(corpus.shards()));
  const std::string text = describe_shards(corpus.shards(), /*verify=*/true);
  CHECK(text.find("train-00000.h5") != std::string::npos);
  CHECK(text.find("heldout-general.h5") != std::string::npos);
  CHECK(text.find("verified") != std::string::npos);
  const std::string batch = describe_batch(corpus.shards(), 1, {.sequence_length = 32, .rows = 3});
  CHECK(batch.find("batch 1 of split train: 3 rows of 32 tokens") != std::string::npos);

  // rows may end within a character; what is printed stays UTF-8
  {
    std::ofstream out(corpus.folder / "faces.txt");
    for (int i = 0; i < 40; ++i) out << i << " \xF0\x9F\x98\x80\xF0\x9F\x91\xA9 faces\n";
  }
  corpus.recipe.data = {};
  corpus.recipe.data.sources["faces"].path = (corpus.folder / "faces.txt").string();
  prepare(corpus.recipe, corpus.shards(), kSilent);
  const std::string cut = describe_batch(corpus.shards(), 0, {.sequence_length = 5, .rows = 30});
  CHECK_FALSE(first_invalid_utf8(cut));
  CHECK(cut.find("\\xf0") != std::string::npos);
  const std::string not_cut = describe_batch(corpus.shards(), 0, {.sequence_length = 600, .rows = 1});
  CHECK(not_cut.find("\xF0\x9F\x98\x80\xF0\x9F\x91\xA9 faces") != std::string::npos);
}

TEST_CASE("prepare: 97 % materials and 3 % general of real text") {
  const auto data = testing::shared_data();
  if (!data) {
    WARN("skipped: ../shared/data is missing");
    return;
  }
  const testing::TemporaryFolder folder;
  Recipe recipe;
  recipe.tokenizer.vocab_size = 1000;
  recipe.data.sources["materials"].path = (*data / "text/materials").string();
  recipe.data.sources["general"].path = (*data / "text/general/wikitext2_valid.txt").string();
  recipe.data.mixture = {{"materials", 0.97}, {"general", 0.03}};
  train_tokenizer(recipe, folder / "tokenizer.model", kSilent);
  recipe.tokenizer.path = (folder / "tokenizer.model").string();
  for (const std::int64_t max_tokens : {0, 300'000}) {
    recipe.data.max_tokens = max_tokens;
    const auto report = prepare(recipe, folder / "shards", kSilent);
    for (const auto& source : report.manifest.sources) {
      INFO(source.name << " " << source.share_written);
      CHECK(std::abs(source.share_written - source.share_wanted) < 0.0005);
      CHECK(source.heldout_tokens > 0);
    }
    if (max_tokens > 0) CHECK(report.manifest.train_tokens() == max_tokens);
  }
}

TEST_CASE("prepare: a vocabulary beyond 65,536, as LLaMA-3's") {
  // a tiktoken file: the 256 bytes, then 70,000 tokens of three letters that merge from pairs and bytes
  static constexpr char kBase64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto line = [](const std::string& bytes, int rank) {
    std::string text;
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i) bits = bits << 8 | (i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0u);
    for (std::size_t i = 0; i < 4; ++i) text.push_back(i <= bytes.size() ? kBase64[bits >> (18 - 6 * i) & 63] : '=');
    return fmt::format("{} {}\n", text, rank);
  };
  std::string file;
  int rank = 0;
  for (int b = 0; b < 256; ++b) file += line(std::string(1, static_cast<char>(b)), rank++);
  // letters of any case: words of letters are not cut further
  std::string letters;
  for (char c = 'a'; c <= 'z'; ++c) letters += c, letters += static_cast<char>(c - 'a' + 'A');
  for (const char a : letters) {
    for (const char b : letters) file += line({a, b}, rank++);
  }
  for (int i = 0; i < 70000; ++i) {
    file += line({letters[static_cast<std::size_t>(i / 2704 % 52)], letters[static_cast<std::size_t>(i / 52 % 52)], letters[static_cast<std::size_t>(i % 52)]}, rank++);
  }
  Corpus corpus(60, 20);
  write_file_atomic(corpus.folder / "big/tokenizer.model", file);
  Recipe recipe = corpus.recipe;
  recipe.tokenizer.path = (corpus.folder / "big").string();
  const Tokenizer tokenizer = Tokenizer::load(recipe.tokenizer.path);
  CHECK(tokenizer.vocab_size() == 256 + 2704 + 70000 + 256);
  prepare(recipe, corpus.shards(), kSilent, 1);
  CHECK(Tokenizer::load(corpus.shards()).fingerprint() == tokenizer.fingerprint());
  const TokenStream stream(corpus.shards(), "train", 1 << 16, true, 1);
  const TokenBatch batch = stream.rows(0, 1);
  CHECK(std::count_if(batch.tokens.begin(), batch.tokens.end(), [](TokenId id) { return id > 65536; }) > 10);
  const auto texts = texts_of(corpus.shards(), "train", tokenizer);
  CHECK(std::any_of(texts.begin(), texts.end(), [](const std::string& text) { return text.starts_with("materials ") && text.find("lattice") != std::string::npos; }));
  CHECK(describe_batch(corpus.shards(), 0, {}).find("lattice") != std::string::npos);
}
