// Hugging Face's tokenizer.json (huggingface/tokenizers) of type BPE: byte-level ones such as
// LLaMA-3's, and those on characters with byte fallback such as LLaMA-2's. What would change ids
// and is not understood is refused by name.
#pragma once

#include <filesystem>
#include <memory>

#include "data/tokenizer_model.h"

namespace anneal {

/// Reads the file, and tokenizer_config.json beside it if there is one (which token ends a text).
/// Added tokens are found in texts, as tokenizers does. bos_id() is the token that the
/// post-processor puts before a text, -1 if it puts none. Throws DataError.
std::shared_ptr<const TokenizerModel> read_tokenizer_json(const std::filesystem::path& file);

/// Largest id of an added token of a tokenizer.json, -1 if there is none or the file is no JSON.
TokenId last_added_token(const std::filesystem::path& file);

}  // namespace anneal
