// Alphabet files, as OpenSeq2Seq and DeepSpeech write them.
#pragma once

#include <string>
#include <vector>

namespace ctc {

// The labels of a file, one in each line, by the rules of open_seq2seq/alphabet_file.py: empty
// lines count nothing, a space is a label. DeepSpeech's comments begin with "#", and "\#" is the
// label "#" there; in a file without either a line "#" is that label.
// Raises: Error when the file cannot be read or holds no label.
std::vector<std::string> ReadAlphabet(const std::string& path);

}  // namespace ctc
