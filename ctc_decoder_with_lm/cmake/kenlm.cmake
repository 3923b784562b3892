# KENLM_FOLDER: KenLM's sources, fetched by kenlm_source.py; else KENLM_PROBLEM says why not.
set(KENLM_CACHE "${CMAKE_BINARY_DIR}" CACHE PATH "Where KenLM's sources are unpacked")

function(fetch_kenlm)
  if(KENLM_FOLDER)
    return()
  endif()
  execute_process(
    COMMAND "${Python_EXECUTABLE}" "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/../kenlm_source.py"
            "${KENLM_CACHE}"
    RESULT_VARIABLE failed
    OUTPUT_VARIABLE folder
    ERROR_VARIABLE problem
    OUTPUT_STRIP_TRAILING_WHITESPACE
    ERROR_STRIP_TRAILING_WHITESPACE
  )
  if(NOT failed)
    set(KENLM_FOLDER "${folder}" PARENT_SCOPE)
  elseif(DEFINED ENV{KENLM_SOURCE})
    message(FATAL_ERROR "${problem}") # What was asked for is not there.
  else()
    set(KENLM_PROBLEM "${problem}" PARENT_SCOPE)
  endif()
endfunction()
