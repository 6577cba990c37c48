# Tests of the folders that use torch.
function(anneal_torch_test folder library)
  anneal_test(${folder} ${library})
  if(TARGET test_${folder})
    target_precompile_headers(test_${folder} REUSE_FROM anneal_torch_pch)
  endif()
endfunction()

anneal_torch_test(parallel anneal_parallel)
anneal_torch_test(trainer anneal_trainer)
anneal_torch_test(launch anneal_launch)
