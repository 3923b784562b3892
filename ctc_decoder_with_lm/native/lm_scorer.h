// Language-model scores of words in their context, remembered.
#pragma once

#include <cstdint>
#include <vector>

#include "model.h"
#include "scoring.h"

namespace ctc {

// One per search. A context is a small number; equal contexts have equal numbers. Contexts of
// several models go together, with the distance to the last unknown word where that counts.
class LmScorer {
 public:
  struct Scored {
    float score;        // alpha * the models + beta
    uint32_t context;   // after the word
  };

  LmScorer(const Model& model, const SearchOptions& options);

  uint32_t start() const { return 0; }
  // Args:
  //   word: an index into the lexicon, a symbol (token_lm), or kUnknownWord.
  Scored Word(uint32_t context, uint32_t word);
  // The weighted score of the end of the sentence; 0 where the rules have none.
  float End(uint32_t context);
  // The parts, unweighted, in the unit: adds each model's score to `scores`; the next context.
  uint32_t Parts(uint32_t context, uint32_t word, std::vector<float>* scores);
  void EndParts(uint32_t context, std::vector<float>* scores);

  // What a unigram score (log10) of the lexicon counts in a hypothesis.
  float unigram_weight() const { return unigram_weight_; }
  // What an unknown word counts, at its simplest.
  float unknown_score() const { return unknown_; }

  size_t contexts() const { return states_.size() / stride_; }
  // Forgets everything but some contexts. Each is replaced by its new number.
  void Keep(const std::vector<uint32_t*>& contexts);
  // Back to the start of an utterance; what is remembered stays true.
  void TrimMemory();

 private:
  struct Entry {
    uint64_t key;
    Scored value;
  };
  Scored Compute(uint32_t context, uint32_t word, std::vector<float>* parts);
  const LmState* State(uint32_t context) const { return &states_[size_t{context} * stride_]; }
  uint32_t Intern(const LmState* states, uint8_t window);
  void GrowCache();
  void RebuildIndex(size_t size);
  uint64_t Hash(const LmState* states, uint8_t window) const;

  const Model& model_;
  const Scoring& scoring_;
  size_t models_, stride_;
  float unit_, beta_, unigram_weight_ = 0, unknown_ = 0;
  std::vector<float> weights_;  // alpha included
  int max_window_ = 0;
  std::vector<LmState> states_;    // [context, model]
  std::vector<uint8_t> windows_;   // words that still see an unknown one
  std::vector<uint32_t> index_;    // open addressing: context + 1
  std::vector<Entry> cache_;
  size_t cached_ = 0;
  std::vector<LmState> scratch_;
};

}  // namespace ctc
