// The entry of every test program, and the one file that knows where the project lies.
#if !__has_include(<catch2/catch_all.hpp>)
#define CATCH_CONFIG_RUNNER
#endif
#include "tests/catch.h"
#include "tests/source_folder.h"

std::filesystem::path anneal::testing::source_folder() { return ANNEAL_SOURCE_DIR; }

int main(int argc, char** argv) { return Catch::Session().run(argc, argv); }
