#include "trainer/generate.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/random.h"
#include "trainer/token_grammar.h"

namespace anneal {

namespace {

/// A sample under way in a slot of the decoder.
struct Active {
  std::int64_t slot = 0;
  std::size_t job = 0;
  Random random{0};
  GrammarState state;
  std::vector<TokenId> tokens;
  std::string text;       ///< of the tokens, where its end may be a text
  std::int64_t room = 0;  ///< tokens it may still take
};

class Generation {
 public:
  Generation(Decoder& decoder, const Tokenizer& tokenizer, std::span<const std::string> prompts,
             std::int64_t first_index, std::int64_t stride, const GenerationOptions& options,
             const std::function<void(Sample)>& done)
      : decoder_(decoder),
        tokenizer_(tokenizer),
        prompts_(prompts),
        first_index_(first_index),
        stride_(stride),
        options_(options),
        done_(done) {
    end_ids_ = options.end_ids;
    if (options.grammar && !options.end_text.empty()) {
      // no crystal string goes on with it, so where the crystal may end it can only be the marker
      end_ids_.push_back(tokenizer.encode_continuation(options.end_text).front());
    }
    if (options.grammar) grammar_.emplace(options.grammar_options, tokenizer, end_ids_);
    std::size_t longest = 0;
    for (const auto& prompt : prompts) {
      auto& ids = encoded_[prompt];
      if (!ids.empty()) continue;
      if (options.add_bos && tokenizer.bos_id() >= 0) ids.push_back(tokenizer.bos_id());
      const auto text = tokenizer.encode(prompt);
      ids.insert(ids.end(), text.begin(), text.end());
      longest = std::max(longest, ids.size());
      if (ids.empty()) {
        throw UsageError("an empty prompt needs a tokenizer with a begin-of-text token",
                         "give a prompt");
      }
    }
    const auto room = static_cast<std::int64_t>(longest) + options.max_tokens;
    const std::int64_t positions = std::min(room, decoder.shape().max_positions);
    if (static_cast<std::int64_t>(longest) >= positions) {
      throw UsageError(fmt::format("the longest prompt has {} tokens, the model has {} positions", longest,
                                   decoder.shape().max_positions),
                       "shorten the prompt");
    }
    slots_ = std::min<std::int64_t>(options.batch, static_cast<std::int64_t>(prompts.size()));
    // One slot more keeps the prompt that was read last, so that equal prompts are read once.
    decoder.allocate(slots_ + 1, positions);
  }

  void run() {
    for (std::int64_t slot = 0; slot < slots_; ++slot) start(slot);
    while (!active_.empty()) {
      std::vector<std::int64_t> slots;
      std::vector<TokenId> tokens;
      for (const auto& sample : active_) {
        slots.push_back(sample.slot);
        tokens.push_back(sample.tokens.back());
      }
      const at::Tensor logits_BV = decoder_.step(slots, tokens);
      std::vector<Active> before;
      before.swap(active_);
      for (std::size_t i = 0; i < before.size(); ++i) {
        take(std::move(before[i]), logits_BV[static_cast<std::int64_t>(i)]);
      }
    }
  }

 private:
  /// Puts the next prompt into a free slot and samples its first token.
  void start(std::int64_t slot) {
    while (next_ < prompts_.size()) {
      const std::size_t job = next_++;
      const std::string& prompt = prompts_[job];
      if (!cached_prompt_ || *cached_prompt_ != prompt) {
        cached_logits_ = decoder_.prefill(slots_, encoded_.at(prompt));
        cached_prompt_ = prompt;
      }
      decoder_.copy_slot(slots_, slot);
      Active sample;
      sample.slot = slot;
      sample.job = job;
      sample.random = Random(derive_key({options_.seed, name_key("sample"),
                                         static_cast<std::uint64_t>(index(job))}));
      if (grammar_) sample.state = grammar_->start();
      sample.room = std::min(options_.max_tokens, decoder_.max_length() - decoder_.length(slot));
      if (choose(sample, cached_logits_)) {
        active_.push_back(std::move(sample));
        return;
      }
    }
  }

  /// Samples a token; false (and the sample handed over) if it is the last.
  bool choose(Active& sample, const at::Tensor& logits_V) {
    std::span<const TokenId> allowed;
    if (grammar_) allowed = grammar_->allowed(sample.state, sample.room);
    const std::span<const float> logits(logits_V.const_data_ptr<float>(),
                                        static_cast<std::size_t>(logits_V.numel()));
    const TokenId token = sample_token(
        logits.first(static_cast<std::size_t>(std::min<std::int64_t>(logits_V.numel(), tokenizer_.vocab_size()))),
        allowed, options_.sampling, sample.random);
    const bool end = std::find(end_ids_.begin(), end_ids_.end(), token) != end_ids_.end();
    sample.tokens.push_back(token);
    --sample.room;
    if (!end && grammar_) sample.state = grammar_->advance(sample.state, token);
    std::size_t end_at = std::string::npos;
    if (!end && !grammar_ && !options_.end_text.empty()) {
      const std::size_t before = sample.text.size();
      sample.text += tokenizer_.piece_bytes(token);
      end_at = sample.text.find(options_.end_text, before - std::min(before, options_.end_text.size()));
    }
    const bool ended = end || end_at != std::string::npos;
    if (!ended && sample.room > 0) return true;
    const std::span<const TokenId> text(sample.tokens.data(), sample.tokens.size() - (end ? 1 : 0));
    done_({.index = index(sample.job),
           .prompt = prompts_[sample.job],
           .text = decode_after_prompt(text).substr(0, end_at),
           .finished = ended,
           .tokens = static_cast<std::int64_t>(sample.tokens.size())});
    return false;
  }

  /// The bytes of the tokens as they follow a prompt: a leading space is kept.
  std::string decode_after_prompt(std::span<const TokenId> tokens) const {
    std::string text;
    for (const TokenId token : tokens) text += tokenizer_.piece_bytes(token);
    return text;
  }

  void take(Active sample, const at::Tensor& logits_V) {
    const std::int64_t slot = sample.slot;
    if (choose(sample, logits_V)) {
      active_.push_back(std::move(sample));
    } else {
      start(slot);
    }
  }

  std::int64_t index(std::size_t job) const {
    return first_index_ + static_cast<std::int64_t>(job) * stride_;
  }

  Decoder& decoder_;
  const Tokenizer& tokenizer_;
  std::span<const std::string> prompts_;
  std::int64_t first_index_, stride_;
  const GenerationOptions& options_;
  std::vector<TokenId> end_ids_;
  const std::function<void(Sample)>& done_;
  std::optional<TokenGrammar> grammar_;
  std::map<std::string, std::vector<TokenId>> encoded_;
  std::vector<Active> active_;
  std::size_t next_ = 0;
  std::int64_t slots_ = 0;
  std::optional<std::string> cached_prompt_;
  at::Tensor cached_logits_;
};

}  // namespace

void generate(Decoder& decoder, const Tokenizer& tokenizer, std::span<const std::string> prompts,
              std::int64_t first_index, std::int64_t stride, const GenerationOptions& options,
              const std::function<void(Sample)>& done) {
  if (prompts.empty()) return;
  at::NoGradGuard no_grad;
  Generation(decoder, tokenizer, prompts, first_index, stride, options, done).run();
}

std::vector<TokenId> default_end_ids(const Tokenizer& tokenizer) {
  std::vector<TokenId> ids;
  for (const TokenId id : {tokenizer.eos_id(), tokenizer.im_end_id(), tokenizer.id_of_piece("<|eot_id|>")}) {
    if (id >= 0 && std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
  }
  return ids;
}

std::string default_end_text(const Tokenizer& tokenizer) {
  return tokenizer.im_end_id() >= 0 ? "" : "<|im_end|>";
}

}  // namespace anneal
