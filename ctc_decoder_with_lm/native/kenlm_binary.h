// What a KenLM binary says about itself, checked before KenLM maps it.
//
// KenLM trusts its files: a damaged one makes it read outside of its mapping, or search a full
// hash table for ever. After these checks it cannot. What they don't see is a wrong number
// where any number may stand: a probability, a back-off, the words or the key of an n-gram
// above the unigrams. Then scores are wrong, but nothing is read that is not the file's.
#pragma once

#include <cstdint>
#include <string_view>

namespace ctc {

// Whether the bytes begin as any KenLM binary does, also one that cannot be read here.
bool IsKenlmBinary(std::string_view bytes);

struct KenlmBinary {
  int type;               // lm::ngram::ModelType
  bool has_words;         // whether the words' spelling is stored
  uint64_t words_offset;  // bytes before it
  uint64_t word_count;    // <unk> included
};

// Throws Error when the binary is not one that KenLM can read safely.
KenlmBinary CheckKenlmBinary(std::string_view bytes);

}  // namespace ctc
