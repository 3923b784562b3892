// What a hypothesis is worth: the rules that stay for a decoder's life, and the numbers that
// each call may choose.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

namespace ctc {

// How a word counts that the language model does not know. `unknown_score` is in the unit.
enum class Unknown {
  kModel,    // the model's own <unk>
  kReplace,  // unknown_score
  kAdd,      // <unk> + unknown_score
};

// What an unfinished word counts.
enum class PartialWord {
  kNone,
  kLookahead,  // the best unigram among the words it can become; taken back at the word's end
  kTrie,       // trie_weight * the worst unigram among them, for each symbol, for good (native_op)
  kUnknown,    // partial_score while no word begins with it; taken back at the end (pyctcdecode)
};

// The rules; Python's Scoring documents each one, has the same defaults, and the presets that
// presets.h is written from.
struct Scoring {
  bool natural_unit = true;  // alpha multiplies natural logarithms; false: log10
  bool begin_of_sentence = true;
  bool end_of_sentence = true;
  Unknown unknown = Unknown::kReplace;
  float unknown_score = -25.0f;
  bool unknown_in_window = false;  // one unknown word makes the n-grams that hold it unknown
  bool constrain = true;           // only words of the lexicon
  PartialWord partial_word = PartialWord::kLookahead;
  float partial_score = -10.0f;       // kUnknown: natural log; kTrie: log10 off the trie
  bool max_merge = false;             // the best alignment instead of the sum of all
  bool token_lm = false;              // the models score symbols, not words
  bool collapse_spaces = true;        // a space at the start or after a space changes nothing
  bool empty_words = false;           // a leading space ends an (unknown) empty word
  bool repeat_final_bonus = false;    // a hypothesis that ends in a space gets its last word twice
  bool complete_words_first = false;  // unfinished words only when no hypothesis is finished
  bool empty_last_word = false;       // a finished last word is followed by an unknown empty one
  bool merge_texts = true;            // hypotheses of equal text are added up at the end
  bool distinct_texts = true;         // of hypotheses with equal text only one is given
  bool separate_ends = false;         // alignments that end in a blank take a place of their own
  bool min_cutoff = false;            // a full beam drops what cannot reach its worst hypothesis
  bool cut_entering_only = false;     // cutoffs spare blanks and repeated symbols
  bool lookahead_from_start = false;  // unigrams of the lookahead are those after <s>
  float start_blank = 2.0f;           // the search begins at the first frame with P(blank) below it
};

// The numbers of one call; Python's SearchOptions documents each one and has the same defaults.
struct SearchOptions {
  float alpha = 0.8f;
  float beta = 0.0f;
  float trie_weight = 0.1f;
  std::vector<float> weights;  // of each language model, times alpha; empty: 1 each
  int beam_width = 100;
  // Hypotheses further than this below the best one are dropped (natural log).
  float beam_threshold = std::numeric_limits<float>::infinity();
  // Symbols below this log probability count as impossible in a frame; the best one stays.
  float token_threshold = -std::numeric_limits<float>::infinity();
  float blank_penalty = 0.0f;  // subtracted from the blank's log probability in each frame
  int cutoff_top_n = 0;      // at most so many symbols a frame; 0: all
  float cutoff_prob = 1.0f;  // the most probable symbols up to this sum
  // Of prefixes that language model, lexicon and hot words will treat alike from now on, only
  // those are kept that no other one surpasses.
  bool recombine = false;
  int nbest = 1;
};

enum class Inputs { kLogits, kLogProbs, kProbabilities };

}  // namespace ctc
