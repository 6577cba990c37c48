// A document on its way from a source to the tokenizer: plain text, or turns of a conversation of
// which only the answer carries loss.
#pragma once

#include <string>
#include <vector>

namespace anneal {

/// One piece of a document's text; `loss` says whether its tokens are targets.
struct TextSpan {
  std::string text;
  bool loss = true;
  friend bool operator==(const TextSpan&, const TextSpan&) = default;
};

/// The spans are tokenized one by one and concatenated, so that the border of the loss is exact.
/// `origin` is "file:line" (or "file#row") for messages. The end-of-text token is added after the last
/// span (with that span's loss) unless `ends_itself`.
struct Document {
  std::vector<TextSpan> spans;
  std::string origin;
  bool ends_itself = false;
};

}  // namespace anneal
