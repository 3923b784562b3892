// What a decoder knows for life: symbols, rules, lexicon and language models. Shared by threads.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "language_model.h"
#include "lexicon.h"
#include "scoring.h"
#include "symbols.h"

namespace ctc {

constexpr uint32_t kUnknownWord = 0xFFFFFFFEu;

class Model {
 public:
  // Args:
  //   words: the lexicon; null: the words of the language models.
  //   trie_path: a trie file of OpenSeq2Seq for PartialWord::kTrie; empty: the lexicon serves.
  // Raises: Error when the parts do not fit together.
  Model(const std::vector<std::string>& symbols, const Scoring& scoring,
        std::vector<std::shared_ptr<const LanguageModel>> language_models,
        const std::vector<std::string>* words, const std::string& trie_path);

  const Symbols& symbols() const { return symbols_; }
  const Scoring& scoring() const { return scoring_; }
  const std::vector<std::shared_ptr<const LanguageModel>>& language_models() const { return models_; }
  // Null when no words are known: every spelling is then allowed, and unknown.
  const Lexicon* lexicon() const { return lexicon_.get(); }
  bool constrained() const { return scoring_.constrain && lexicon_; }
  // The trie that scores parts of words in PartialWord::kTrie.
  const Lexicon* score_trie() const { return score_trie_ ? score_trie_.get() : lexicon_.get(); }
  // The id that a language model gives to a word of the lexicon, or to a symbol (token_lm).
  WordId word_id(size_t model, uint32_t word) const {
    return word < word_ids_[model].size() ? word_ids_[model][word] : 0;
  }
  // Words that no sequence of symbols can spell.
  size_t unspellable() const { return unspellable_; }
  const std::vector<std::string>& unspellable_examples() const { return examples_; }

 private:
  void MakeTokenIds();
  void MakeLexicon(const std::vector<std::string>* words);

  Symbols symbols_;
  Scoring scoring_;
  std::vector<std::shared_ptr<const LanguageModel>> models_;
  std::unique_ptr<Lexicon> lexicon_, score_trie_;
  std::vector<std::vector<WordId>> word_ids_;
  size_t unspellable_ = 0;
  std::vector<std::string> examples_;
};

// Whether all words of a language model, but for <unk>, <s> and </s>, are symbols of the
// vocabulary: it then scores symbols, not words.
bool IsTokenModel(const LanguageModel& model, const Symbols& symbols);

}  // namespace ctc
