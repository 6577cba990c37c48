# The headers cost more than most files: several files share one reading of them. CMake's own unity
# builds name the files by their whole paths, so that a compiler cache would serve one clone only;
# here they are named from the project's folder, which is an include folder of every target.
#
# anneal_unity(NAME) joins the .cpp files of a target by six, as they stand at the end of its
# CMakeLists.txt; those with SKIP_UNITY_BUILD_INCLUSION or compile options of their own stay alone.
set(ANNEAL_UNITY_BATCH 6)

function(anneal_unity name)
  get_property(asked GLOBAL PROPERTY anneal_unity_of_${name})
  if(ANNEAL_UNITY AND NOT asked)
    set_property(GLOBAL PROPERTY anneal_unity_of_${name} TRUE)
    cmake_language(EVAL CODE "cmake_language(DEFER CALL anneal_join_sources ${name})")
  endif()
endfunction()

function(anneal_join_sources name)
  get_target_property(sources ${name} SOURCES)
  set(joined "")
  foreach(source ${sources})
    get_filename_component(path ${source} ABSOLUTE BASE_DIR ${CMAKE_CURRENT_SOURCE_DIR})
    get_source_file_property(alone ${path} SKIP_UNITY_BUILD_INCLUSION)
    get_source_file_property(options ${path} COMPILE_OPTIONS)
    if(path MATCHES "\\.cpp$" AND NOT alone AND NOT options)
      list(APPEND joined ${path})
    endif()
  endforeach()
  list(LENGTH joined count)
  if(count LESS 2)
    return()
  endif()
  set_source_files_properties(${joined} PROPERTIES HEADER_FILE_ONLY ON)  # compiled through the others
  set(number 0)
  while(joined)
    list(SUBLIST joined 0 ${ANNEAL_UNITY_BATCH} batch)
    list(REMOVE_ITEM joined ${batch})
    set(text "")
    foreach(path ${batch})
      file(RELATIVE_PATH path ${CMAKE_SOURCE_DIR} ${path})
      string(APPEND text "#include \"${path}\"\n")
    endforeach()
    set(file ${CMAKE_CURRENT_BINARY_DIR}/${name}_${number}.cpp)
    file(GENERATE OUTPUT ${file} CONTENT "${text}")
    target_sources(${name} PRIVATE ${file})
    math(EXPR number "${number} + 1")
  endwhile()
endfunction()
