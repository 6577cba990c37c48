// Byte-pair encoding as tiktoken and Hugging Face's tokenizers do it, on bytes (LLaMA-3, GPT-2) or
// on characters with byte pieces for the rest (LLaMA-2's tokenizer.json). The stages of a text, in
// order: added tokens cut it; the rest is normalised, cut into words by patterns, and merged word
// by word.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "data/bpe_merges.h"
#include "data/tokenizer_model.h"

namespace anneal {

/// A token that is cut out of a text before anything else.
struct AddedToken {
  TokenId id = -1;
  std::string text;
  bool special = false;                 ///< a control token: appends nothing to a text
  bool normalized = false;              ///< looked for in the normalised text
  bool lstrip = false, rstrip = false;  ///< takes in the white space before it, after it
  bool in_text = true;  ///< false: known by id only, a text never makes it (tiktoken)
};

/// What stands before a text in front of whose words U+2581 stands for a space.
enum class SpaceMark {
  kNone,     ///< nothing, and spaces stay spaces
  kSpaces,   ///< nothing; spaces become U+2581
  kBefore,   ///< U+2581 before every stretch between added tokens (normalizer Prepend)
  kMissing,  ///< the same, unless it begins with one (Metaspace, prepend_scheme always)
  kFirst,    ///< the same, at the start of the text only (Metaspace, prepend_scheme first)
};

/// A pattern that cuts a text; what it does not match is a word too, or is dropped.
struct SplitStep {
  std::string pattern;
  bool drop_rest = false;
};

/// Everything that a tokenizer of this kind is made of.
struct BpeParts {
  std::string where;  ///< for messages
  bool byte_level = true;
  bool byte_fallback = false, fuse_unk = false;  ///< on characters only
  bool whole_words_first = false;  ///< a word that is a token is taken as it is (ignore_merges)
  bool split_marks = false;        ///< every U+2581 begins a word (Metaspace, split)
  bool compose = false;            ///< normalise to NFC
  SpaceMark space_mark = SpaceMark::kNone;
  std::vector<SplitStep> steps;
  std::vector<std::string> names;   ///< [V] as the file writes them; "" = no such token
  std::vector<std::string> pieces;  ///< [V] as they are met in a text; "" = never
  std::vector<std::string> bytes;   ///< [V] what they append to a text
  std::vector<BpeMerge> merges;
  std::vector<AddedToken> added;
  TokenId bos = -1, eos = -1, unk = -1, pad = -1;
  std::vector<std::pair<std::string, std::string>> files;  ///< name and bytes, for save()
};

/// Throws DataError for a pattern that PCRE2 does not take.
std::shared_ptr<const TokenizerModel> make_bpe_tokenizer(BpeParts parts);

}  // namespace anneal
