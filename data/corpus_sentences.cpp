#include "data/corpus_sentences.h"

#include <algorithm>
#include <map>
#include <span>
#include <utility>

#include "base/random.h"
#include "data/corpus_frames.h"
#include "data/corpus_words.h"

namespace anneal {
namespace {

/// Builds a document sentence by sentence.
class Draft {
 public:
  Draft(Random& random) : random_(random), target_(55 + static_cast<int>(random.below(70))) {}

  bool full() const { return words_ >= target_; }
  const std::string& text() const { return text_; }
  int words() const { return words_; }

  /// A frame of the group in which all blanks are known; false if there is none or it is too long.
  bool add(const FrameGroup& group, Words& words) {
    std::vector<std::string_view> usable;
    set_subject(words);
    for (const auto frame : group) {
      if (can_fill(frame, words)) usable.push_back(frame);
    }
    if (usable.empty()) return false;
    const std::string sentence = fill(usable[random_.below(usable.size())], words);
    const int count = count_words(sentence);
    if (words_ + count > kDocumentMaxWords) return false;
    if (!text_.empty()) text_ += ' ';
    text_ += sentence;
    words_ += count;
    return true;
  }

  /// The first group, then the others in random order until the document is full.
  void add_all(std::span<const FrameGroup> groups, Words& words) {
    add(groups[0], words);
    std::vector<std::size_t> order(groups.size() - 1);
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i + 1;
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random_.below(i)]);
    for (const auto i : order) {
      if (full()) return;
      add(groups[i], words);
    }
  }

 private:
  /// What a sentence calls its subject.
  void set_subject(Words& words) {
    const auto formula = words.find("formula");
    if (formula == words.end()) return;
    static constexpr std::pair<const char*, const char*> kSubjects[] = {
        {"it", "its"},
        {"it", "its"},
        {"the material", "the material's"},
        {"this crystal", "the crystal's"},
        {"the solid", "its"}};
    const auto choice = random_.below(std::size(kSubjects) + 2);
    const bool by_name = choice >= std::size(kSubjects);
    words["it"] = by_name ? formula->second : kSubjects[choice].first;
    words["its"] = by_name ? "its" : kSubjects[choice].second;
  }

  Random& random_;
  int target_, words_ = 0;
  std::string text_;
};

}  // namespace

int count_words(std::string_view text) {
  int count = 0;
  bool inside = false;
  for (const char c : text) {
    const bool space = c == ' ' || c == '\n' || c == '\t';
    count += !space && !inside;
    inside = !space;
  }
  return count;
}

MaterialsWriter::MaterialsWriter(const CorpusFacts& facts, std::uint64_t seed)
    : facts_(facts), seed_(seed) {
  std::map<int, std::vector<std::size_t>> where;
  for (std::size_t i = 0; i < facts.train.size(); ++i) {
    for (const auto& [z, count] : facts.train[i].crystal.composition()) where[z].push_back(i);
  }
  for (auto& [z, crystals] : where) {
    elements_.push_back(z);
    with_element_.push_back(std::move(crystals));
  }
}

std::size_t MaterialsWriter::turn(std::uint64_t index, std::size_t n, const char* purpose) const {
  const std::uint64_t key = derive_key({seed_, name_key(purpose), index / n});
  return permutation(n, key)[index % n];
}

std::string MaterialsWriter::document(std::uint64_t index) const {
  Random random(derive_key({seed_, name_key("materials document"), index}));
  // of twenty documents thirteen are about a crystal, two compare, four are about gaps, one an
  // element
  const auto round = index / 20, place = index % 20;
  std::string text;
  if (place == 19) {
    text = about_element(round, random);
  } else if (place >= 15 && !facts_.gaps.empty()) {
    text = about_gaps(round * 4 + place - 15, random);
  } else {
    text = about_crystal(round * 15 + std::min<std::uint64_t>(place, 14), place >= 13, random);
  }
  return text;
}

std::string MaterialsWriter::about_crystal(std::uint64_t index, bool compare,
                                           Random& random) const {
  const auto& first = facts_.train[turn(index, facts_.train.size(), "crystals")];
  Draft draft(random);
  if (compare && facts_.train.size() > 1) {
    // a partner with an element in common
    const auto counts = first.crystal.composition();
    auto z = counts.begin();
    std::advance(z, random.below(counts.size()));
    const auto at =
        std::lower_bound(elements_.begin(), elements_.end(), z->first) - elements_.begin();
    for (int i = 0; i < 10; ++i) {
      const auto& second = facts_.train[with_element_[at][random.below(with_element_[at].size())]];
      if (second.formula == first.formula) continue;
      Words words = comparison_words(first, second, facts_, random);
      draft.add_all(comparison_frames(), words);
      break;
    }
  }
  Words words = crystal_words(first, facts_, random);
  draft.add_all(crystal_frames(), words);
  return draft.text();
}

std::string MaterialsWriter::about_gaps(std::uint64_t index, Random& random) const {
  Draft draft(random);
  const BandGap* previous = nullptr;
  // a document speaks of several formulae, each in one to three sentences
  for (std::uint64_t i = 0; !draft.full() && i < 12; ++i) {
    const auto& gap = facts_.gaps[turn(index * 5 + i, facts_.gaps.size(), "gaps")];
    Words words = gap_words(gap, random);
    draft.add(gap_frames()[0], words);
    const std::size_t num_groups = gap_frames().size() - 1;
    const auto order = permutation(num_groups, random());
    for (std::uint64_t more = random.below(3); more > 0; --more) {
      draft.add(gap_frames()[1 + order[more]], words);
    }
    if (previous != nullptr && random.below(2) == 0) {
      Words pair = gap_pair_words(*previous, gap);
      draft.add(gap_pair_frames()[0], pair);
    }
    previous = &gap;
  }
  return draft.text();
}

std::string MaterialsWriter::about_element(std::uint64_t index, Random& random) const {
  Draft draft(random);
  for (int i = 0; i < 4 && (i == 0 || !draft.full()); ++i) {
    const auto at =
        i == 0 ? turn(index, elements_.size(), "elements") : random.below(elements_.size());
    Words words = element_words(elements_[at], facts_, with_element_[at], random);
    // in the order of the table of frames: "of these" must follow the list
    for (std::size_t g = 0; g < element_frames().size(); ++g) {
      const bool list = g + 2 >= element_frames().size();
      if (g == 0 || list || random.below(4) > 0) draft.add(element_frames()[g], words);
    }
  }
  return draft.text();
}

}  // namespace anneal
