// The writing visitor: a recipe as YAML that reads back as the same recipe.
#include <fmt/core.h>

#include "recipes/fields.h"
#include "recipes/recipe.h"
#include "recipes/scalars.h"

namespace anneal {
namespace {

struct Writer {
  std::string& out;
  std::string indent;

  template <class M>
  void field(const char* key, M& member, const Rule&, const char*) {
    out += fmt::format("{}{}: {}\n", indent, key, yaml_scalar(member));
  }
  template <class T>
  void section(const char* key, T& member, const char*) {
    out += fmt::format("{}{}:\n", indent, key);
    Writer inner{out, indent + "  "};
    visit_fields(inner, member);
  }
  template <class T>
  void named_sections(const char* key, std::map<std::string, T>& member, const char*) {
    out += fmt::format("{}{}:{}\n", indent, key, member.empty() ? " {}" : "");
    for (auto& [name, entry] : member) {
      out += fmt::format("{}  {}:\n", indent, yaml_scalar(name));
      Writer inner{out, indent + "    "};
      visit_fields(inner, entry);
    }
  }
};

}  // namespace

std::string to_yaml(const Recipe& recipe) {
  std::string out;
  Recipe copy = recipe;  // visitors take their structs by reference
  Writer writer{out, ""};
  visit_fields(writer, copy);
  return out;
}

}  // namespace anneal
