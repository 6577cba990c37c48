// `Contains` under Catch2 version 2 and 3.
#pragma once

#include <string>

#include "tests/catch.h"

namespace anneal::testing {

#if __has_include(<catch2/catch_all.hpp>)
inline auto Contains(const std::string& text) { return Catch::Matchers::ContainsSubstring(text); }
#else
inline auto Contains(const std::string& text) { return Catch::Contains(text); }
#endif

}  // namespace anneal::testing
