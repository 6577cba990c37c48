// How LLaMA-3 cuts a text into words (meta-llama/llama-models, tokenizer.py; the same pattern
// stands in its tokenizer.json): contractions, letters with one sign before them, one to three
// digits, other signs, line ends, other white space.
#pragma once

namespace anneal {

inline constexpr const char* kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

/// The pattern of GPT-2, which tokenizers' ByteLevel uses by itself.
inline constexpr const char* kGpt2Pattern =
    R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

}  // namespace anneal
