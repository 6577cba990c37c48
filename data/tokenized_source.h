// A source, read and tokenized: documents in their order, whatever the number of threads.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "data/document.h"
#include "data/document_reader.h"
#include "data/token_spool.h"
#include "data/tokenizer.h"

namespace anneal {

/// Tokens of a document, and which of them are targets.
struct TokenizedDocument {
  std::vector<TokenId> tokens;
  std::vector<std::uint8_t> loss;  ///< as long as tokens
  bool whole = false;              ///< part of the document carries no loss: an instruction
};

/// Tokenizes the spans one by one; adds the end-of-text token unless the document ends itself.
/// With `loss_on_all` every token is a target (the document stays whole all the same).
TokenizedDocument tokenize(const Document& document, const Tokenizer& tokenizer, bool loss_on_all);

/// Reads all documents of `reader` into `spool`. `held_out_key` gives the text that decides on the
/// held-out split; `on_progress` gets the number of documents so far. Returns the bytes of text read.
std::int64_t tokenize_source(DocumentReader& reader, const Tokenizer& tokenizer, bool loss_on_all,
                             std::uint64_t seed, const std::function<std::string(const Document&)>& held_out_key,
                             int threads, TokenSpool& spool,
                             const std::function<void(std::int64_t)>& on_progress);

}  // namespace anneal
