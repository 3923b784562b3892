// An n-gram language model, read by KenLM. Only language_model.cc sees KenLM's headers.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "error.h"

namespace ctc {

// The place of a word in the model's vocabulary; 0 is <unk>.
using WordId = uint32_t;

// The context that the next word's probability depends on, by value. Unused bytes are zero:
// two states are equal when their bytes are.
struct LmState {
  alignas(8) unsigned char bytes[48];

  friend bool operator==(const LmState& a, const LmState& b) {
    return std::memcmp(a.bytes, b.bytes, sizeof(a.bytes)) == 0;
  }
  friend bool operator!=(const LmState& a, const LmState& b) { return !(a == b); }
};

class LanguageModel {
 public:
  static constexpr int kMaxOrder = 6;

  // Reads a KenLM binary of any of the six types (memory-mapped, pages read when first used),
  // or an ARPA file, plain or gzipped (into memory). Throws Error, saying what is wrong.
  static std::shared_ptr<const LanguageModel> Load(const std::string& path);

  LanguageModel(const LanguageModel&) = delete;
  LanguageModel& operator=(const LanguageModel&) = delete;
  virtual ~LanguageModel() = default;

  // log10 P(word | in), never NaN and within [-1e9, 1e9]; `out` becomes the context after the
  // word and must be another object than `in`. A word that is not below size() counts as
  // <unk>. Any number of threads may call this at once.
  virtual float Score(const LmState& in, WordId word, LmState* out) const = 0;

  // The id of a word, 0 when it is not in the vocabulary.
  virtual WordId Find(std::string_view word) const = 0;

  // Ids of <s> and </s>: 0, hence counted as <unk>, in a model that was built without them.
  WordId begin_word() const { return begin_word_; }
  WordId end_of_sentence() const { return end_of_sentence_; }

  // The contexts at the beginning of a sentence, and of no words at all.
  const LmState& begin() const { return begin_; }
  const LmState& null() const { return null_; }

  // The number of words that an n-gram has at most.
  int order() const { return order_; }
  // The number of words in the vocabulary, <unk>, <s> and </s> among them; ids are below it.
  uint64_t size() const { return size_; }
  const std::string& path() const { return path_; }
  // Whether the words' spelling is known; only binaries can be without.
  bool has_words() const { return has_words_; }
  // In a binary, the bytes before the words' spelling and whatever follows; 0 in an ARPA file.
  uint64_t words_offset() const { return words_offset_; }

  // The vocabulary, a word's place is its id. Valid as long as the model. Throws Error when
  // the binary was built without the words' spelling.
  virtual const std::vector<std::string_view>& words() const = 0;

 protected:
  LanguageModel() = default;

  std::string path_;
  LmState begin_{}, null_{};
  WordId begin_word_ = 0, end_of_sentence_ = 0;
  uint64_t size_ = 0;
  int order_ = 0;
  bool has_words_ = true;
  uint64_t words_offset_ = 0;
};

}  // namespace ctc
