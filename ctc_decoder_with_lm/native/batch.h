// Many utterances at once, on several threads that share the model.
#pragma once

#include <memory>
#include <vector>

#include "beam_search.h"

namespace ctc {

// Rows of one utterance: [frames, symbols + 1] float32, one after the other.
struct Utterance {
  const float* rows;
  int frames;
};

// Decodes all utterances; the result does not depend on the number of threads.
//
// Args:
//   threads: at least 1.
// Raises: Error, naming the utterance by its place, for the first one that is wrong.
std::vector<std::vector<Hypothesis>> DecodeBatch(std::shared_ptr<const Model> model,
                                                 const SearchOptions& options,
                                                 std::shared_ptr<const HotWords> hot_words,
                                                 const std::vector<Utterance>& utterances, Inputs inputs,
                                                 int threads);

}  // namespace ctc
