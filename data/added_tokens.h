// Finds added tokens in a text: at each place the longest one, from left to right.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "data/token_batch.h"  // for TokenId

namespace anneal {

class AddedTokenFinder {
 public:
  /// `lstrip`, `rstrip`: the white space before or after it belongs to the token.
  void add(std::string text, TokenId id, bool lstrip, bool rstrip);
  bool empty() const { return num_ == 0; }

  /// Calls `part` for every token found (with its id) and every stretch between (with id -1).
  void cut(std::string_view text, const std::function<void(std::string_view, TokenId)>& part) const;

 private:
  struct Entry {
    std::string text;
    TokenId id;
    bool lstrip, rstrip;
  };
  const Entry* at(std::string_view rest) const;
  std::array<std::vector<Entry>, 256> by_first_byte_;  // the longest first
  std::string first_bytes_;
  std::size_t num_ = 0;
};

}  // namespace anneal
