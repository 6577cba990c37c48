# Warnings, ccache, linker, sanitizers; `anneal_library(name FOLDER)` makes one layer a target.

add_library(anneal_settings INTERFACE)
target_include_directories(anneal_settings INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(anneal_settings INTERFACE -Wall -Wextra -Wno-unused-parameter $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict> -Wno-missing-field-initializers)
# Contraction of a*b+c into one rounding would differ between processors; results stay comparable.
target_compile_options(anneal_settings INTERFACE -ffp-contract=off)
# Loops marked `omp simd` vectorise; nothing here reads errno after a square root or traps.
target_compile_options(anneal_settings INTERFACE -fopenmp-simd -fno-math-errno -fno-trapping-math)
if(ANNEAL_NATIVE)
  target_compile_options(anneal_settings INTERFACE -march=native)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    # AVX-512 whole, where the processor has it: by itself gcc keeps to 256 bits. For all files, since
    # the precompiled header serves only those with the same setting.
    target_compile_options(anneal_settings INTERFACE -mprefer-vector-width=512)
  endif()
endif()
if(ANNEAL_SANITIZE)
  target_compile_options(anneal_settings INTERFACE -fsanitize=address,undefined -fno-omit-frame-pointer)
  target_link_options(anneal_settings INTERFACE -fsanitize=address,undefined)
endif()
if(ANNEAL_FUZZ)
  target_compile_options(anneal_settings INTERFACE -fsanitize=fuzzer-no-link)
  # every file is to be followed, and every finding to end the run
  target_compile_options(anneal_settings INTERFACE -fno-sanitize-recover=all)
endif()

find_program(ANNEAL_CCACHE ccache)
if(ANNEAL_CCACHE)
  # time macros of precompiled headers would make every compilation a miss
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} ${ANNEAL_CCACHE})
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>)
endif()
find_program(ANNEAL_MOLD mold)
if(ANNEAL_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# One library from all .cpp files of a folder (not of its sub-folders).
function(anneal_library name folder)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.cpp)
  add_library(${name} STATIC ${sources})
  target_link_libraries(${name} PUBLIC anneal_settings)
  anneal_unity(${name})
endfunction()
