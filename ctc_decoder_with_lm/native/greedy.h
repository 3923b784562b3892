// Greedy decoding: the best class of every frame, runs merged, blanks removed.
#pragma once

#include <string>
#include <vector>

namespace ctc {

struct GreedyWord {
  std::string text;
  int first, last;  // frames at which its first and its last symbol begin
  double confidence;
};

struct GreedyResult {
  std::vector<int> symbols;
  std::vector<GreedyWord> words;
  double score = 0;  // log probability of the best path
};

// What a class adds to a word.
struct Spelling {
  std::vector<std::string> texts;  // without spaces around
  std::vector<bool> starts_word;   // whether a space comes first
};

// Decodes one utterance by the rules of open_seq2seq/decoders/greedy.py, which is its twin.
//
// Args:
//   rows: [frames, classes] logits; the blank is the last class.
GreedyResult GreedyDecode(const float* rows, int frames, int classes, const Spelling& spelling);

}  // namespace ctc
