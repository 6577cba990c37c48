// Every key of the schema with type, default, range and help, made from the one list in fields.h.
#pragma once

#include <string>
#include <vector>

#include "recipes/fields.h"

namespace anneal {

struct KeyInfo {
  std::string path;     ///< e.g. train.optimizer.lr, data.sources.<name>.kind
  std::string type;     ///< text, whole number, number, true/false, list, map, section
  std::string value;    ///< the default, as YAML; empty for sections
  std::string accepts;  ///< range or choices, in words; empty: anything
  std::string help;
};

/// All keys in the order of the schema, sections included (type "section").
const std::vector<KeyInfo>& recipe_keys();

/// "'sequence_length'" for train.seqence_length, "'train.optimizer.lr'" for train.lr, or the list
/// of all keys there if nothing is near: the end of an "unknown key" message.
std::string suggest_key(const std::string& path, const std::string& key,
                        const std::vector<std::string>& known);

/// "at least 0", "0.1 to 1", "one of a, b"; empty if the rule accepts anything.
std::string describe_rule(const Rule& rule);

}  // namespace anneal
