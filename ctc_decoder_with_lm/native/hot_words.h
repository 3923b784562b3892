// Words and phrases that are worth more: an Aho-Corasick automaton over characters.
//
// A phrase counts where it stands between word boundaries. While it is being spelled, a part of
// its weight is lent (in the ranking only), so that its beginning survives; the loan ends when
// the phrase fails, and the weight is paid once when it is complete. A step costs the same for
// one phrase and for a hundred thousand. (A. V. Aho, M. J. Corasick: Efficient string matching,
// CACM 18(6), 1975; lending part of the weight: the context graph of WeNet and k2/sherpa.)
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "lexicon.h"
#include "model.h"
#include "symbols.h"

namespace ctc {

class HotWords {
 public:
  using State = uint32_t;

  // Args:
  //   phrases: text, and weight in natural log; words are separated by white space.
  //   lexicon: the decoder's, or null; words that it lacks can then be spelled all the same.
  // Raises: Error for an empty phrase, or one that the symbols cannot spell.
  HotWords(const std::vector<std::pair<std::string, float>>& phrases, const Symbols& symbols,
           const Lexicon* lexicon);

  // Phrases of words with pronunciations: their words are the automaton's characters.
  // Raises: Error for an empty phrase, or a word without a pronunciation.
  HotWords(const std::vector<std::pair<std::string, float>>& phrases, const Model& model);

  // The character that stands for the model's word of this number.
  static Char CharOf(uint32_t word) { return word + 1; }

  State start() const { return start_; }
  // The state after one more character; adds the weight of the phrases that this completes.
  State Step(State state, Char next, float* completed) const;
  // What is lent to a hypothesis in this state; of words with pronunciations, one whose unfinished
  // spelling is at this node of the lexicon.
  float lent(State state, uint32_t node) const {
    return spelled_ && node != Lexicon::kRoot ? LentInside(state, node) : nodes_[state].lent;
  }
  // The most that one step can add to a score, loans included.
  float most() const { return most_; }
  // Words of the phrases that the lexicon lacks; null when there are none.
  const Lexicon* extra_words() const { return extra_words_.get(); }

 private:
  struct Arc {
    Char label;
    State target;
  };
  struct Node {
    std::vector<Arc> arcs;  // sorted by label
    State fail = 0;
    float completed = 0;  // of all phrases that end here, shorter ones included
    float lent = 0;
  };
  State Goto(State state, Char next) const;  // kNone when there is no arc
  void Insert(const std::vector<Char>& chars, float weight);
  void Link();
  void LendInside(const Model& model);
  float LentInside(State state, uint32_t node) const;

  static constexpr State kNone = 0xFFFFFFFFu;
  std::vector<Node> nodes_;
  State start_ = 0;
  float most_ = 0;
  std::unique_ptr<Lexicon> extra_words_;
  bool spelled_ = false;
  // What a word of a phrase is lent at a node of the lexicon: (state before it, node).
  std::unordered_map<uint64_t, float> lent_inside_;
};

}  // namespace ctc
