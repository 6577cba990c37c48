// Tokenizers of llama2.c (karpathy/llama2.c, tokenizer.py `export`), as SentencePiece models:
// int32 max_token_length, then for each token float score, int32 length, the token's bytes.
#pragma once

#include <filesystem>

#include "data/tokenizer.h"

namespace anneal {

/// Reads a llama2.c tokenizer .bin: unk 0, <s> 1, </s> 2, bytes 3..258, then pieces. A space goes
/// before the text, as in LLaMA. Throws DataError for a damaged file.
Tokenizer from_llama2c(const std::filesystem::path& path);

}  // namespace anneal
