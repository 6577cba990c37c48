// YAML scalars <-> C++ values of the types that recipe fields have.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "recipes/schema.h"

namespace anneal {

/// A whole number, also written as 3e4; nothing if it is none or does not fit in 64 bits.
std::optional<std::int64_t> parse_whole_number(const std::string& text);
/// A finite number; nothing if it is none.
std::optional<double> parse_number(const std::string& text);
/// true, false, yes, no, on, off.
std::optional<bool> parse_truth(const std::string& text);
/// nothing if it names no stage kind.
std::optional<StageKind> parse_stage_kind(const std::string& text);

/// YAML that reads back as exactly the same value.
std::string yaml_scalar(const std::string& value);
std::string yaml_scalar(std::int64_t value);
std::string yaml_scalar(double value);
std::string yaml_scalar(bool value);
std::string yaml_scalar(StageKind value);
std::string yaml_scalar(const std::vector<std::string>& value);
std::string yaml_scalar(const std::map<std::string, double>& value);

/// How messages and help call the type: "a whole number", "true or false", ...
std::string type_name(const std::string&);
std::string type_name(std::int64_t);
std::string type_name(double);
std::string type_name(bool);
std::string type_name(StageKind);
std::string type_name(const std::vector<std::string>&);
std::string type_name(const std::map<std::string, double>&);

}  // namespace anneal
