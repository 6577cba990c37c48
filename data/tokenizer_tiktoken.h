// tiktoken's files (openai/tiktoken) as LLaMA-3 uses them: a line a token, its bytes in base64 and
// its rank, which is its id. A neighbouring pair merges if its bytes are a token; the lowest rank
// first.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "data/tokenizer_model.h"

namespace anneal {

/// True for bytes whose first line is base64, a space and a number.
bool looks_like_tiktoken(std::string_view file);

/// The tokenizer of such a file, in LLaMA-3's layout (meta-llama/llama-models, tokenizer.py): after
/// the ranks 256 special tokens, the first <|begin_of_text|>, the second <|end_of_text|>. A text
/// never makes a special token. Throws DataError for a damaged file.
std::shared_ptr<const TokenizerModel> read_tiktoken(const std::string& file,
                                                    const std::string& where);

}  // namespace anneal
