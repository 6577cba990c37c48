#include "recipes/override.h"

#include <any>

#include "base/error.h"
#include "base/text.h"
#include "recipes/reader.h"

namespace anneal {
namespace {

/// Visitor that copies the value of one key out of a struct with default values.
struct DefaultOf {
  std::string key;
  std::any value;
  template <class M>
  void take(const char* name, M& member) {
    if (key == name) value = member;
  }
  template <class M>
  void field(const char* name, M& member, const Rule&, const char*) { take(name, member); }
  template <class M>
  void section(const char* name, M& member, const char*) { take(name, member); }
  template <class M>
  void named_sections(const char* name, M& member, const char*) { take(name, member); }
};

/// Visitor that follows one path down from a struct of type T and sets what is at its end.
template <class T>
class PathSetter {
 public:
  PathSetter(Reading reading, std::vector<std::string> path, std::size_t depth, YAML::Node value)
      : reading_(reading), path_(std::move(path)), depth_(depth), value_(std::move(value)) {}

  void run(T& target, const std::vector<std::string>& more_names = {}) {
    visit_fields(*this, target);
    if (found_) return;
    known_.insert(known_.end(), more_names.begin(), more_names.end());
    reading_.fault(value_, fmt::format("unknown key '{}'; {}", join(depth_ + 1),
                                       suggest_key(join(depth_), path_[depth_], known_)));
  }

  template <class M>
  void field(const char* key, M& member, const Rule& rule, const char*) {
    if (!matches(key)) return;
    if constexpr (std::is_same_v<M, std::map<std::string, double>>) {
      if (depth_ + 2 == path_.size()) return set_map_entry(member, rule);
    }
    if (depth_ + 1 < path_.size()) {
      reading_.fault(value_, fmt::format("'{}' has no key '{}': it is {}", join(depth_ + 1), path_[depth_ + 1],
                                         type_name(member)));
      return;
    }
    reset(key, member);
    if (!value_.IsNull() && !read_value(reading_, value_, join(depth_ + 1), member, rule)) return;
    reading_.places[join(depth_ + 1)] = reading_.origin.name;
  }

  template <class M>
  void section(const char* key, M& member, const char*) {
    if (!matches(key)) return;
    if (depth_ + 1 < path_.size()) {
      PathSetter<M>(reading_, path_, depth_ + 1, value_).run(member);
      return;
    }
    reset(key, member);
    read_section(reading_, value_, join(depth_ + 1), member);
  }

  template <class M>
  void named_sections(const char* key, std::map<std::string, M>& member, const char*) {
    if (!matches(key)) return;
    const std::size_t left = path_.size() - depth_ - 1;
    if (left == 0) {
      member.clear();
      if (value_.IsNull()) return;
      if (!value_.IsMap()) return reading_.fault(value_, MapReader::expected_map(join(depth_ + 1), value_));
      for (const auto& entry : map_entries(value_, reading_.origin, join(depth_ + 1), reading_.faults)) {
        set_section(entry.key, entry.value, member);
      }
    } else if (left == 1) {
      member.erase(path_.back());
      if (!value_.IsNull()) set_section(path_.back(), value_, member);
    } else {
      const std::string& name = path_[depth_ + 1];
      reading_.places.emplace(join(depth_ + 2), reading_.origin.name);
      PathSetter<M>(reading_, path_, depth_ + 2, value_).run(member[name]);
    }
  }

 private:
  bool matches(const std::string& key) {
    known_.push_back(key);
    const bool match = path_[depth_] == key;
    found_ = found_ || match;
    return match;
  }
  template <class M>
  void reset(const char* key, M& member) {
    T defaults;
    DefaultOf default_of{key, {}};
    visit_fields(default_of, defaults);
    member = std::any_cast<M>(default_of.value);
  }
  template <class M>
  void set_section(const std::string& name, const YAML::Node& value, std::map<std::string, M>& member) {
    const std::string path = join_path(join(depth_ + 1), name);
    reading_.places[path] = reading_.origin.name;
    read_section(reading_, value, path, member[name]);
  }
  void set_map_entry(std::map<std::string, double>& member, const Rule& rule) {
    if (value_.IsNull()) {
      member.erase(path_.back());
    } else if (read_value(reading_, value_, join(depth_ + 2), member[path_.back()], rule)) {
      reading_.places[join(depth_ + 2)] = reading_.origin.name;
    }
  }
  std::string join(std::size_t count) const {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) text = join_path(text, path_[i]);
    return text;
  }

  Reading reading_;
  std::vector<std::string> path_, known_;
  std::size_t depth_;
  YAML::Node value_;
  bool found_ = false;
};

template <class T>
void apply(const Override& override_, T& target, Faults& faults, Places& places,
           const std::vector<std::string>& more_names) {
  const Origin origin = override_origin(override_);
  std::vector<std::string> path;
  for (const auto piece : split(override_.path, '.')) path.emplace_back(piece);
  for (const auto& piece : path) {
    if (piece.empty()) return faults.add(origin.name, "the path has an empty part");
  }
  try {
    const YAML::Node value = parse_yaml_value(override_.value, origin);
    PathSetter<T>({origin, faults, places}, path, 0, value).run(target, more_names);
  } catch (const UsageError& error) {
    const std::string message = error.what();
    faults.add(origin.name, message.substr(std::min(message.size(), origin.name.size() + 2)));
  }
}

}  // namespace

Origin override_origin(const Override& override_) {
  return {fmt::format("--set {}={}", override_.path, override_.value), /*is_file=*/false};
}

void apply_override(const Override& override_, Recipe& recipe, Faults& faults, Places& places,
                    const std::vector<std::string>& more_names) {
  apply(override_, recipe, faults, places, more_names);
}

void apply_override(const Override& override_, Pipeline& pipeline, Faults& faults, Places& places) {
  apply(override_, pipeline, faults, places, {});
}

std::string named_entry(const std::string& path) {
  const auto pieces = split(path, '.');
  const bool named = pieces.size() >= 3 && pieces[0] == "data" && (pieces[1] == "sources" || pieces[1] == "mixture");
  return named ? std::string(pieces[2]) : "";
}

}  // namespace anneal
