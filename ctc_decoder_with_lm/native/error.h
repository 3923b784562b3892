// What the core throws when an input is wrong.
#pragma once

#include <stdexcept>

namespace ctc {

// Its text is one or more full sentences for the user. Every door turns it into the error of
// its world: InputError in Python, InvalidArgument in TensorFlow.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace ctc
