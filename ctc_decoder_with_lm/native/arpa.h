// What an ARPA file says about itself, checked before KenLM reads it into memory.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ctc {

// Throws Error when the text does not begin as an ARPA file, or declares more n-grams than it
// can hold, for which KenLM would allocate memory.
void CheckArpa(std::string_view text);

// KenLM's complaint about an ARPA file as a sentence, with the number of the line.
std::string ArpaComplaint(std::string_view text, const std::string& complaint);

}  // namespace ctc
