# The imported target `anneal_torch` from an installed torch, without find_package(Torch), which
# insists on a CUDA toolkit even for CPU use. Only libtorch_cpu and libc10 are linked; the wheel's
# libtorch_cpu names CUDA libraries that a CPU run never calls, hence --allow-shlib-undefined.

set(torch_dir ${ANNEAL_TORCH_DIR})
if(NOT torch_dir)
  file(GLOB candidates ${CMAKE_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch)
  if(candidates)
    list(GET candidates 0 torch_dir)
  endif()
endif()
if(NOT EXISTS ${torch_dir}/include/ATen/ATen.h)
  message(FATAL_ERROR "torch was not found (looked in '${torch_dir}').\n"
    "hint: run launch/setup, or pass -DANNEAL_TORCH_DIR=<folder of an installed torch>")
endif()
file(STRINGS ${torch_dir}/include/torch/headeronly/version.h torch_version_lines REGEX "TORCH_VERSION ")
message(STATUS "torch: ${torch_dir} ${torch_version_lines}")

get_filename_component(site_packages ${torch_dir} DIRECTORY)
file(GLOB nvidia_lib_dirs ${site_packages}/nvidia/*/lib ${site_packages}/nvidia/*/*/lib)

add_library(anneal_torch INTERFACE)
target_include_directories(anneal_torch SYSTEM INTERFACE
  ${torch_dir}/include ${torch_dir}/include/torch/csrc/api/include)
target_link_libraries(anneal_torch INTERFACE ${torch_dir}/lib/libtorch_cpu.so ${torch_dir}/lib/libc10.so)
# at::parallel_for stands in torch's headers: without OpenMP it is a plain loop, and a rank's other threads idle.
# torch brings a libgomp.so.1 too; only the one found first is loaded.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(anneal_torch INTERFACE -fopenmp)
  target_link_options(anneal_torch INTERFACE -fopenmp)
endif()
target_link_options(anneal_torch INTERFACE -Wl,--allow-shlib-undefined -Wl,-rpath,${torch_dir}/lib)
foreach(dir ${nvidia_lib_dirs})
  target_link_options(anneal_torch INTERFACE -Wl,-rpath,${dir} -Wl,-rpath-link,${dir})
endforeach()

# One precompiled header for all torch targets: a file costs 3 s instead of 20 s. It holds the other
# heavy headers of these folders too.
file(WRITE ${CMAKE_BINARY_DIR}/anneal_torch_pch.cpp "// carries the precompiled header\n")
add_library(anneal_torch_pch STATIC ${CMAKE_BINARY_DIR}/anneal_torch_pch.cpp)
target_link_libraries(anneal_torch_pch PUBLIC anneal_settings anneal_torch fmt::fmt
                      nlohmann_json::nlohmann_json CLI11::CLI11)
target_precompile_headers(anneal_torch_pch PRIVATE
  <ATen/ATen.h> <fmt/format.h> <nlohmann/json.hpp> <CLI/CLI.hpp>)
# Named as Ninja sees it, from the build folder: CMake's own REUSE_FROM gives the whole path, and with it
# the compiler cache serves one clone only.
function(anneal_use_precompiled_header name)
  if(CMAKE_GENERATOR STREQUAL "Ninja" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${name} PRIVATE -Winvalid-pch "SHELL:-include CMakeFiles/anneal_torch_pch.dir/cmake_pch.hxx")
    cmake_language(EVAL CODE "cmake_language(DEFER CALL anneal_wait_for_precompiled_header ${name})")
  else()
    target_precompile_headers(${name} REUSE_FROM anneal_torch_pch)
  endif()
endfunction()
# A dependency between libraries does not order the compilation of their files.
function(anneal_wait_for_precompiled_header name)
  get_target_property(sources ${name} SOURCES)
  set_property(SOURCE ${sources} APPEND PROPERTY
    OBJECT_DEPENDS ${CMAKE_BINARY_DIR}/CMakeFiles/anneal_torch_pch.dir/cmake_pch.hxx.gch)
endfunction()
function(anneal_use_torch name)
  target_link_libraries(${name} PUBLIC anneal_torch fmt::fmt nlohmann_json::nlohmann_json CLI11::CLI11)
  anneal_unity(${name})
  anneal_use_precompiled_header(${name})
endfunction()
