// The program's version, as --version, run folders and fingerprints name it.
#pragma once

namespace anneal {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace anneal
