// Included before gemmi's headers where clang compiles them: gemmi 0.5 has a vector of a type that
// is incomplete yet; g++ takes it, clang instantiates the vector's constexpr members at once. With
// them not constexpr (nothing here needs that) both do.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#ifdef _GLIBCXX20_CONSTEXPR
#undef _GLIBCXX20_CONSTEXPR
#define _GLIBCXX20_CONSTEXPR
#define __fill_a1 __fill_a1_of_bits  // declared constexpr already, for vector<bool>
#include <vector>
#undef __fill_a1
#undef _GLIBCXX20_CONSTEXPR
#define _GLIBCXX20_CONSTEXPR constexpr
#endif
