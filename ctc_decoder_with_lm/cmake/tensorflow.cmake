# TENSORFLOW_VERSION and the target tensorflow: the headers and the library that operations of the
# TensorFlow of TENSORFLOW_PYTHON are built with. Without TensorFlow the version is empty.
set(TENSORFLOW_PYTHON "" CACHE FILEPATH "A Python that has TensorFlow; empty: the one built for")

function(find_tensorflow)
  if(DEFINED TENSORFLOW_VERSION)
    return()
  endif()
  set(python "${TENSORFLOW_PYTHON}")
  if(NOT python)
    set(python "${Python_EXECUTABLE}")
  endif()
  set(script "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/tensorflow_flags.py")
  execute_process(
    COMMAND "${CMAKE_COMMAND}" -E env TF_CPP_MIN_LOG_LEVEL=3 "${python}" "${script}"
    RESULT_VARIABLE failed
    OUTPUT_VARIABLE found
    ERROR_QUIET
    OUTPUT_STRIP_TRAILING_WHITESPACE
  )
  if(failed)
    set(TENSORFLOW_VERSION "" PARENT_SCOPE)
    return()
  endif()
  list(POP_FRONT found version headers library)
  set(TENSORFLOW_VERSION "${version}" PARENT_SCOPE)
  add_library(tensorflow INTERFACE)
  target_include_directories(tensorflow SYSTEM INTERFACE "${headers}")
  # Its own macros use what it deprecates.
  target_compile_options(tensorflow INTERFACE ${found} -Wno-deprecated-declarations)
  target_link_libraries(tensorflow INTERFACE "${library}")
endfunction()
