# Tests of the folders that use torch, and tests that run the program or several ranks.
function(anneal_torch_test folder library)
  anneal_test(${folder} ${library})
  if(TARGET test_${folder})
    anneal_use_precompiled_header(test_${folder})
  endif()
endfunction()

anneal_torch_test(parallel anneal_parallel)
anneal_torch_test(trainer anneal_trainer)
anneal_torch_test(launch anneal_launch)
target_link_libraries(test_launch PRIVATE anneal_no_nccl)

# mpirun as tests need it: more ranks than cores, root in a container, no binding to cores.
set(mpirun ${CMAKE_COMMAND} -E env OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    OMP_NUM_THREADS=1 ${MPIEXEC_EXECUTABLE} --oversubscribe --bind-to none)

if(TARGET anneal_trainer)
  add_executable(mpi_equality trainer/mpi_equality.cpp)
  target_link_libraries(mpi_equality PRIVATE anneal_trainer)
  anneal_use_precompiled_header(mpi_equality)
  foreach(ranks 1 2 4)
    add_test(NAME mpi_equality_${ranks}
      COMMAND ${mpirun} -n ${ranks} $<TARGET_FILE:mpi_equality> ${CMAKE_BINARY_DIR}/mpi_equality_${ranks})
    set_tests_properties(mpi_equality_${ranks} PROPERTIES PROCESSORS 2 TIMEOUT 300)
  endforeach()
endif()

# Where a CUDA toolkit is, the build links the CUDA program; this says whether it did, or why there is none.
set(cuda_program "")
if(ANNEAL_CUDA)
  set(cuda_program $<TARGET_FILE:anneal>)
elseif(TARGET anneal_cuda)
  set(cuda_program $<TARGET_FILE:anneal_cuda>)
endif()
add_test(NAME cuda_program COMMAND bash ${CMAKE_SOURCE_DIR}/tests/launch/cuda_program.sh
         "${cuda_program}" "${ANNEAL_CUDA_MISSING}")
set_tests_properties(cuda_program PROPERTIES SKIP_RETURN_CODE 77)

# Shell tests of the program itself; each says what it checks and prints what it saw when it fails.
add_test(NAME layers COMMAND ${CMAKE_SOURCE_DIR}/tests/check_layers ${CMAKE_SOURCE_DIR})
foreach(name models training resume bad_input score pipeline plan survival worlds torture
        evaluate slurm stability)
  if(EXISTS ${CMAKE_SOURCE_DIR}/tests/launch/${name}.sh)
    add_test(NAME program_${name} COMMAND bash ${CMAKE_SOURCE_DIR}/tests/launch/${name}.sh $<TARGET_FILE:anneal>
             WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(program_${name} PROPERTIES PROCESSORS 2 TIMEOUT 900 SKIP_RETURN_CODE 77)
  endif()
endforeach()
# These mostly wait (for time-outs, for starts of the program): they run beside others. The longest first.
set_tests_properties(program_survival program_bad_input program_models PROPERTIES PROCESSORS 1)
set_tests_properties(program_survival PROPERTIES COST 100)
set_tests_properties(cif PROPERTIES COST 50)
