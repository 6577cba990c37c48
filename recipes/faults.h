// All faults of a recipe are gathered and reported at once, each with its place.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace anneal {

/// Where a value was written: a line of a file, or a `--set`.
struct Origin {
  std::string name;     ///< "recipes/x.yaml" or "--set a.b=c"
  bool is_file = true;  ///< only files have lines
  /// "recipes/x.yaml:12" (lines count from 0 here) or "--set a.b=c".
  std::string at(int zero_based_line) const;
};

/// Key path -> where its value was written; keys left at their default are absent.
using Places = std::map<std::string, std::string>;

class Faults {
 public:
  /// `text` without its place; `line` orders the faults of one file.
  void add(const std::string& place, const std::string& text, int line = 0);
  bool empty() const { return faults_.empty(); }
  std::size_t size() const { return faults_.size(); }
  /// Remembers that the value of `key` could not be read.
  void mark_unread(const std::string& key) { unread_.push_back(key); }
  /// True if `key`, a section above it or a key below it could not be read: what it lacks is then
  /// no fault of its own.
  bool is_unread(const std::string& key) const;
  /// Takes over the faults of another file.
  void append(const Faults& other);
  /// Throws UsageError with every fault, in the order of the lines. `what` is e.g. "recipe x.yaml".
  void throw_if_any(const std::string& what) const;

 private:
  struct Fault {
    std::string place, text;
    int file, line;
  };
  std::vector<Fault> faults_;
  std::vector<std::string> unread_;
  int files_ = 0;  // files appended so far
};

}  // namespace anneal
