// The words that a hypothesis may spell, as a trie of characters.
#pragma once

#include <cstdint>
#include <vector>

#include "symbols.h"

namespace ctc {

// A word to put into a trie: its spelling, its number, and its unigram score (log10).
struct SpelledWord {
  std::vector<Char> chars;
  uint32_t index;
  float unigram;
};

class Lexicon {
 public:
  static constexpr uint32_t kRoot = 0;
  static constexpr uint32_t kOff = 0xFFFFFFFFu;     // no word begins so
  static constexpr uint32_t kNoWord = 0xFFFFFFFFu;  // no word ends here

  // Args:
  //   words: in any order; of words of equal spelling the first counts.
  //   alphabet_size: more than any character's id.
  //   homophones: words of equal spelling all count; their numbers follow one another.
  Lexicon(std::vector<SpelledWord> words, int alphabet_size, bool homophones = false);

  // The node after one more character, or kOff. Small alphabets need one look at a bit mask.
  uint32_t Child(uint32_t node, Char next) const {
    const Node& here = nodes_[node];
    if (small_) {
      const uint64_t bit = uint64_t{1} << next;
      if (!(here.mask & bit)) return kOff;
      return here.first_child + __builtin_popcountll(here.mask & (bit - 1));
    }
    return SearchChild(here, next);
  }
  uint32_t word(uint32_t node) const { return nodes_[node].word; }
  // Whether the word of the next number is spelled like this one.
  bool homophone_follows(uint32_t word) const { return homophone_follows_[word]; }
  // The best and the worst unigram score (log10) of the words that go through a node.
  float best(uint32_t node) const { return nodes_[node].best; }
  float worst(uint32_t node) const { return nodes_[node].worst; }
  size_t size() const { return nodes_.size(); }
  size_t words() const { return words_; }
  size_t bytes() const;

 private:
  struct Node {
    uint64_t mask = 0;  // the children's characters; in large alphabets their number
    uint32_t first_child = 0;
    uint32_t word = kNoWord;
    float best = 0, worst = 0;
  };
  uint32_t SearchChild(const Node& node, Char next) const;

  bool small_;
  size_t words_ = 0;
  std::vector<Node> nodes_;
  std::vector<bool> homophone_follows_;  // of words with homophones only
  std::vector<Char> labels_;  // large alphabets: the character that leads to each node
};

}  // namespace ctc
