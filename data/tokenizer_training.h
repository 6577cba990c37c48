// Training of a SentencePiece BPE model whose encoding loses nothing: byte fallback, split digits,
// identity normalisation, no space added or removed, the line feed and the two markers of a
// conversation as pieces of their own. unk 0, bos 1, eos 2, no pad.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/log.h"
#include "data/tokenizer.h"
#include "recipes/schema.h"

namespace anneal {

/// The next text to learn from, or nothing at the end.
using TextIterator = std::function<std::optional<std::string>()>;

/// Trains on a sample of at most `options.max_sentences` texts (and 256 MB), which depends on the
/// texts only, not on the machine. Texts of any length are used whole. Throws DataError if the
/// vocabulary is too large for the texts (with the largest that works) or too small for their characters.
Tokenizer train_tokenizer(const TextIterator& next_text, const TokenizerOptions& options);

/// Trains on the recipe's sources with its tokenizer options and writes the model to `file`.
Tokenizer train_tokenizer(const Recipe& recipe, const std::filesystem::path& file, const Log& log);

}  // namespace anneal
