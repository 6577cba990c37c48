# Libraries of the distribution (docs/dependencies.md says why each one).
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(ZLIB REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(MPI REQUIRED COMPONENTS C)
find_package(HDF5 REQUIRED COMPONENTS C)

pkg_check_modules(yaml_cpp REQUIRED IMPORTED_TARGET yaml-cpp)
pkg_check_modules(sentencepiece REQUIRED IMPORTED_TARGET sentencepiece)
pkg_check_modules(pcre2 REQUIRED IMPORTED_TARGET libpcre2-8)
pkg_check_modules(utf8proc REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)

# gemmi: headers only are used; spglib has no CMake file in Debian
find_path(GEMMI_INCLUDE_DIR gemmi/cif.hpp REQUIRED)
find_path(PEGTL_INCLUDE_DIR tao/pegtl.hpp REQUIRED)  # gemmi's CIF grammar; Debian's gemmi-dev does not pull it in
find_path(SPGLIB_INCLUDE_DIR spglib.h REQUIRED)
find_library(SPGLIB_LIBRARY symspg REQUIRED)
add_library(anneal_spglib INTERFACE)
target_include_directories(anneal_spglib SYSTEM INTERFACE ${SPGLIB_INCLUDE_DIR})
target_link_libraries(anneal_spglib INTERFACE ${SPGLIB_LIBRARY})

add_library(anneal_hdf5 INTERFACE)
target_include_directories(anneal_hdf5 SYSTEM INTERFACE ${HDF5_C_INCLUDE_DIRS})
target_link_libraries(anneal_hdf5 INTERFACE ${HDF5_C_LIBRARIES})

# torch's wheel carries another version of fmt in its include folder; the distribution's, which is the
# one linked, must be found first. A folder with nothing but a link to it goes ahead of torch's.
find_path(FMT_INCLUDE_DIR fmt/core.h PATHS /usr/include NO_DEFAULT_PATH REQUIRED)
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/distribution)
file(CREATE_LINK ${FMT_INCLUDE_DIR}/fmt ${CMAKE_BINARY_DIR}/distribution/fmt SYMBOLIC)
target_include_directories(anneal_settings BEFORE INTERFACE ${CMAKE_BINARY_DIR}/distribution)
