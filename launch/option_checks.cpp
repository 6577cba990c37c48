#include "launch/option_checks.h"

#include <fmt/format.h>

#include <cmath>

namespace anneal {

CLI::Validator at_least(double least) {
  return CLI::Validator(
      [least](std::string& text) -> std::string {
        double value = 0;
        if (!CLI::detail::lexical_cast(text, value) || std::isnan(value))
          return fmt::format("'{}' is not a number", text);
        return value < least ? fmt::format("{} is less than {}", text, least) : "";
      },
      fmt::format(">= {}", least));
}

}  // namespace anneal
