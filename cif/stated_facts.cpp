#include "cif/stated_facts.h"

#include <cctype>

#include "cif/elements.h"

namespace anneal {
namespace {

/// Recursive descent over elements, counts and groups in parentheses or brackets.
class FormulaReader {
 public:
  explicit FormulaReader(std::string_view text) : text_(text) {}

  Composition read() {
    Composition all = group('\0', 0);
    return good_ && at_ == text_.size() ? all : Composition();
  }

 private:
  Composition group(char end, int depth) {
    Composition sum;
    while (good_ && at_ < text_.size() && text_[at_] != end) {
      const char c = text_[at_];
      if (c == ' ') {
        ++at_;
      } else if ((c == '(' || c == '[') && depth < 8) {
        ++at_;
        const char close = c == '(' ? ')' : ']';
        const Composition inner = group(close, depth + 1);
        good_ = good_ && at_ < text_.size();
        ++at_;
        const int times = count();
        for (const auto& [z, n] : inner) sum[z] += n * times;
      } else {
        std::size_t size = 1;
        while (at_ + size < text_.size() && size < 2 &&
               std::islower(static_cast<unsigned char>(text_[at_ + size]))) {
          ++size;
        }
        const int z = atomic_number(text_.substr(at_, size));
        good_ = z != 0;
        at_ += size;
        if (good_) sum[z] += count();
      }
    }
    return sum;
  }

  /// A whole number, 1 if there is none.
  int count() {
    if (at_ >= text_.size() || !std::isdigit(static_cast<unsigned char>(text_[at_]))) return 1;
    int n = 0;
    while (at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_])) &&
           n < 100'000) {
      n = 10 * n + (text_[at_++] - '0');
    }
    good_ = good_ && n > 0 && n < 1'000'000 && (at_ >= text_.size() || text_[at_] != '.');
    return n;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool good_ = true;
};

}  // namespace

Composition parse_formula_counts(std::string_view text) {
  if (text.empty() || text.size() > 1000) return {};
  return FormulaReader(text).read();
}

Composition formula_composition(std::string_view text) { return reduced(parse_formula_counts(text)); }

}  // namespace anneal
