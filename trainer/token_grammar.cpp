#include "trainer/token_grammar.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace anneal {

TokenGrammar::TokenGrammar(const CrystalGrammarOptions& options, Tokenizer tokenizer,
                           std::vector<TokenId> end_ids)
    : grammar_(options),
      tokenizer_(std::move(tokenizer)),
      end_ids_(std::move(end_ids)),
      by_first_byte_(256) {
  for (TokenId id = 0; id < tokenizer_.vocab_size(); ++id) {
    const std::string& bytes = tokenizer_.piece_bytes(id);
    if (id == tokenizer_.unk_id() || bytes.empty() || is_end(id)) continue;
    by_first_byte_[static_cast<unsigned char>(bytes[0])].push_back(id);
  }
}

bool TokenGrammar::is_end(TokenId token) const {
  return std::find(end_ids_.begin(), end_ids_.end(), token) != end_ids_.end();
}

std::vector<TokenId> TokenGrammar::matching(const GrammarState& state) const {
  std::vector<TokenId> tokens;
  const auto next = grammar_.next_bytes(state);
  for (int byte = 0; byte < 256; ++byte) {
    if (!next[byte]) continue;
    for (const TokenId id : by_first_byte_[byte]) {
      if (grammar_.advance(state, tokenizer_.piece_bytes(id))) tokens.push_back(id);
    }
  }
  if (grammar_.may_end(state)) tokens.insert(tokens.end(), end_ids_.begin(), end_ids_.end());
  std::sort(tokens.begin(), tokens.end());
  if (tokens.empty()) {
    throw DataError("the tokenizer has no piece that continues a crystal string",
                    "train the tokenizer with byte fallback, or turn generate.grammar off");
  }
  return tokens;
}

std::span<const TokenId> TokenGrammar::allowed(const GrammarState& state, std::int64_t budget) {
  auto found = cache_.find(state);
  if (found == cache_.end()) found = cache_.emplace(state, matching(state)).first;
  // Far from the end of the budget every token is fine: from no state is the shortest end longer than
  // from the start, and no token is longer than a line.
  constexpr std::int64_t kLine = 32;
  if (budget > grammar_.may_finish_within(grammar_.start()) + kLine) return found->second;
  urgent_.clear();
  for (const TokenId id : found->second) {
    if (is_end(id) || grammar_.may_finish_within(advance(state, id)) + 1 < budget) {
      urgent_.push_back(id);
    }
  }
  // Not even the shortest end fits: the sample stays unfinished, which its record says.
  if (urgent_.empty()) return found->second;
  return urgent_;
}

GrammarState TokenGrammar::advance(const GrammarState& state, TokenId token) const {
  const auto next = grammar_.advance(state, tokenizer_.piece_bytes(token));
  if (!next) throw Error(ExitCode::kUnexpected, "a token outside the grammar was sampled", "");
  return *next;
}

}  // namespace anneal
