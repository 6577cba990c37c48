#include "data/tokenizer_training.h"

#include <unordered_map>
#include <vector>

#include <sentencepiece_trainer.h>

#include "base/error.h"
#include "base/files.h"
#include "base/fingerprint.h"
#include "base/random.h"
#include "base/text.h"
#include "data/source.h"

namespace anneal {

namespace {

constexpr std::size_t kMaxSampleBytes = std::size_t{256} << 20;
constexpr std::size_t kMaxSentenceBytes = 2000;  // SentencePiece drops longer ones than it is told

/// A sample that stays below both limits: a text is kept if its hash is below a threshold, which is
/// halved whenever the sample grows too large.
class Sample {
 public:
  explicit Sample(std::int64_t max_texts) : max_texts_(static_cast<std::size_t>(max_texts)) {}
  void add(std::string text) {
    // the count is part of the key, or duplicates would be kept or dropped together
    const std::uint64_t hash = hash64(text, mix64(count_++));
    if (hash > threshold_) return;
    bytes_ += text.size();
    texts_.emplace_back(hash, std::move(text));
    while (texts_.size() > 1 && (texts_.size() > max_texts_ || bytes_ > kMaxSampleBytes)) {
      threshold_ /= 2;
      std::erase_if(texts_, [&](const auto& item) {
        if (item.first <= threshold_) return false;
        bytes_ -= item.second.size();
        return true;
      });
    }
  }
  std::vector<std::pair<std::uint64_t, std::string>>& texts() { return texts_; }

 private:
  std::size_t max_texts_, bytes_ = 0;
  std::uint64_t count_ = 0, threshold_ = ~0ull;
  std::vector<std::pair<std::uint64_t, std::string>> texts_;
};

/// Hands out the lines of the sample, long ones in pieces that end before a space.
class Sentences : public sentencepiece::SentenceIterator {
 public:
  explicit Sentences(Sample& sample) : sample_(sample) { Next(); }
  bool done() const override { return done_; }
  void Next() override {
    for (;;) {
      while (rest_.empty()) {
        if (next_ == sample_.texts().size()) {
          done_ = true;
          return;
        }
        rest_ = sample_.texts()[next_++].second;
      }
      std::size_t end = std::min(rest_.find('\n'), rest_.size());
      if (end > kMaxSentenceBytes) {
        end = kMaxSentenceBytes;
        const std::size_t space = rest_.rfind(' ', end);
        if (space != std::string_view::npos && space > 0) {
          end = space;
        } else {
          while (end > 0 && (static_cast<unsigned char>(rest_[end]) & 0xC0) == 0x80) --end;
        }
      }
      sentence_.assign(rest_.substr(0, end));
      rest_.remove_prefix(end);
      if (rest_.starts_with('\n')) rest_.remove_prefix(1);
      if (!sentence_.empty()) return;
    }
  }
  const std::string& value() const override { return sentence_; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  Sample& sample_;
  std::size_t next_ = 0;
  std::string_view rest_;
  std::string sentence_;
  bool done_ = false;
};

/// The number after `mark` in SentencePiece's message, or "".
std::string number_after(const std::string& message, const std::string& mark) {
  const auto at = message.find(mark);
  if (at == std::string::npos) return "";
  std::string digits;
  for (std::size_t i = at + mark.size(); i < message.size() && std::isdigit(static_cast<unsigned char>(message[i])); ++i) {
    digits.push_back(message[i]);
  }
  return digits;
}

[[noreturn]] void fail(const std::string& message, const TokenizerOptions& options) {
  if (const auto most = number_after(message, "Please set it to a value <= "); !most.empty()) {
    throw DataError(fmt::format("cannot train a tokenizer of {} pieces: the texts give {} at most",
                                options.vocab_size, most),
                    fmt::format("set tokenizer.vocab_size to {} or less, or give more text", most));
  }
  if (message.find("smaller than required_chars") != std::string::npos) {
    const auto needed = number_after(message, " vs ");
    throw DataError(fmt::format("cannot train a tokenizer of {} pieces: bytes and characters alone need {}",
                                options.vocab_size, needed.empty() ? "more" : needed),
                    "raise tokenizer.vocab_size above that, or lower tokenizer.character_coverage");
  }
  throw DataError(fmt::format("cannot train a tokenizer of {} pieces: {}", options.vocab_size, message),
                  "check the texts and tokenizer.vocab_size");
}

}  // namespace

Tokenizer train_tokenizer(const TextIterator& next_text, const TokenizerOptions& options) {
  Sample sample(options.max_sentences);
  while (auto text = next_text()) {
    if (!trim(*text).empty()) sample.add(std::move(*text));
  }
  if (sample.texts().empty()) {
    throw DataError("cannot train a tokenizer: there is no text", "check data.sources");
  }
  const std::unordered_map<std::string, std::string> settings = {
      {"model_type", "bpe"},
      {"vocab_size", std::to_string(options.vocab_size)},
      {"character_coverage", fmt::format("{}", options.character_coverage)},
      {"byte_fallback", "true"},
      {"split_digits", "true"},
      {"normalization_rule_name", "identity"},
      {"add_dummy_prefix", "false"},
      {"remove_extra_whitespaces", "false"},
      {"allow_whitespace_only_pieces", "true"},
      {"user_defined_symbols", "<|im_start|>,<|im_end|>,\n"},
      {"unk_id", "0"}, {"bos_id", "1"}, {"eos_id", "2"}, {"pad_id", "-1"},
      {"max_sentence_length", std::to_string(4 * kMaxSentenceBytes)},
      {"hard_vocab_limit", "true"},
      {"num_threads", "1"},
      {"minloglevel", "3"},
  };
  Sentences sentences(sample);
  std::string model;
  const auto status = sentencepiece::SentencePieceTrainer::Train(settings, &sentences, &model);
  if (!status.ok()) fail(status.ToString(), options);
  return Tokenizer::from_bytes(std::move(model), "the trained tokenizer");
}

Tokenizer train_tokenizer(const Recipe& recipe, const std::filesystem::path& file, const Log& log) {
  if (recipe.data.sources.empty()) {
    throw UsageError("cannot train a tokenizer: the recipe has no data.sources", "name at least one source");
  }
  auto source = recipe.data.sources.begin();
  std::unique_ptr<DocumentReader> reader;
  std::int64_t num_texts = 0;
  const TextIterator next_text = [&]() -> std::optional<std::string> {
    while (source != recipe.data.sources.end()) {
      if (!reader) {
        reader = open_source(source->first, source->second,
                             derive_key({static_cast<std::uint64_t>(recipe.run.seed), name_key(source->first)}));
      }
      if (const auto document = reader->next()) {
        std::string text;
        for (const auto& span : document->spans) text += span.text;
        ++num_texts;
        return text;
      }
      reader.reset();
      ++source;
    }
    return std::nullopt;
  };
  const Tokenizer tokenizer = train_tokenizer(next_text, recipe.tokenizer);
  write_file_atomic(file, tokenizer.model_proto());
  log.info("tokenizer  {} pieces from {} documents -> {}", with_commas(tokenizer.vocab_size()),
           with_commas(num_texts), file.string());
  return tokenizer;
}

}  // namespace anneal
