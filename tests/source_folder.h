// Where the project's own files lie. A function and not a macro: a path on the command line of every
// test would make each clone compile all of them anew, whatever the compiler cache holds.
#pragma once

#include <filesystem>

namespace anneal::testing {

/// The project's folder (defined in tests/main.cpp).
std::filesystem::path source_folder();

}  // namespace anneal::testing
