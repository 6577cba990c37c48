// The grammar of crystal strings at the level of tokens: which tokens may follow, exactly those whose
// bytes continue some crystal string.
#pragma once

#include <span>
#include <unordered_map>
#include <vector>

#include "cif/crystal_grammar.h"
#include "data/tokenizer.h"

namespace anneal {

class TokenGrammar {
 public:
  /// `end_ids`: tokens that end a sample (end of text, end of turn).
  TokenGrammar(const CrystalGrammarOptions& options, Tokenizer tokenizer,
               std::vector<TokenId> end_ids);

  GrammarState start() const { return grammar_.start(); }
  /// Tokens that may come next, the end tokens included where the crystal may end. With `budget`
  /// tokens left, only those after which a shortest end still fits. Cached by state. Throws DataError
  /// if the tokenizer has no piece to go on with.
  std::span<const TokenId> allowed(const GrammarState& state, std::int64_t budget);
  /// The state after an allowed token that is no end.
  GrammarState advance(const GrammarState& state, TokenId token) const;
  bool is_end(TokenId token) const;

 private:
  std::vector<TokenId> matching(const GrammarState& state) const;
  CrystalGrammar grammar_;
  Tokenizer tokenizer_;
  std::vector<TokenId> end_ids_;
  std::vector<std::vector<TokenId>> by_first_byte_;
  std::unordered_map<GrammarState, std::vector<TokenId>> cache_;
  std::vector<TokenId> urgent_;
};

}  // namespace anneal
