// What a decoder knows for life: symbols, rules, lexicon and language models. Shared by threads.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "language_model.h"
#include "lexicon.h"
#include "scoring.h"
#include "symbols.h"

namespace ctc {

constexpr uint32_t kUnknownWord = 0xFFFFFFFEu;

// Words with their spellings in symbols of the network: a word may have several, and several words
// one. What they have in common is found by the number of the spelling.
struct Pronunciations {
  std::vector<std::string> words;
  // Each spelling: the word's place in `words`, and symbols.
  std::vector<std::pair<uint32_t, std::vector<int>>> spellings;
  int separator = -1;  // the symbol between words; -1: a word ends where the next one begins
};

class Model {
 public:
  // Args:
  //   words: the lexicon; null: the words of the language models.
  //   trie_path: a trie file of OpenSeq2Seq for PartialWord::kTrie; empty: the lexicon serves.
  //   pronunciations: instead of `words`; null: words are spelled with their own characters.
  // Raises: Error when the parts do not fit together.
  Model(const std::vector<std::string>& symbols, const Scoring& scoring,
        std::vector<std::shared_ptr<const LanguageModel>> language_models,
        const std::vector<std::string>* words, const std::string& trie_path,
        const Pronunciations* pronunciations = nullptr);

  const Symbols& symbols() const { return symbols_; }
  const Scoring& scoring() const { return scoring_; }
  const std::vector<std::shared_ptr<const LanguageModel>>& language_models() const { return models_; }
  // Null when no words are known: every spelling is then allowed, and unknown.
  const Lexicon* lexicon() const { return lexicon_.get(); }
  bool constrained() const { return scoring_.constrain && lexicon_; }
  // Whether words have pronunciations. A number of the lexicon is then that of a spelling.
  bool spelled() const { return !spellings_.empty(); }
  // Whether a symbol stands between words.
  bool separated() const { return separated_; }
  const std::vector<SpelledWord>& spellings() const { return spellings_; }
  // The place of a spelling's word among `words()`.
  uint32_t word_of(uint32_t spelling) const { return word_of_[spelling]; }
  const std::vector<std::string>& words() const { return words_; }
  // Words with pronunciations that no language model knows.
  size_t unknown_words() const { return unknown_words_; }
  // The trie that scores parts of words in PartialWord::kTrie.
  const Lexicon* score_trie() const { return score_trie_ ? score_trie_.get() : lexicon_.get(); }
  // The id that a language model gives to a word of the lexicon, or to a symbol (token_lm).
  WordId word_id(size_t model, uint32_t word) const {
    return word < word_ids_[model].size() ? word_ids_[model][word] : 0;
  }
  // Words that no sequence of symbols can spell.
  size_t unspellable() const { return unspellable_; }
  const std::vector<std::string>& unspellable_examples() const { return examples_; }
  const std::vector<std::string>& unknown_examples() const { return unknown_examples_; }

 private:
  void MakeTokenIds();
  void MakeLexicon(const std::vector<std::string>* words);
  void MakeSpelledLexicon(const Pronunciations& given);

  Symbols symbols_;
  Scoring scoring_;
  std::vector<std::shared_ptr<const LanguageModel>> models_;
  std::unique_ptr<Lexicon> lexicon_, score_trie_;
  std::vector<std::vector<WordId>> word_ids_;
  size_t unspellable_ = 0;
  std::vector<std::string> examples_;
  bool separated_ = true;
  std::vector<SpelledWord> spellings_;
  std::vector<uint32_t> word_of_;
  std::vector<std::string> words_;
  size_t unknown_words_ = 0;
  std::vector<std::string> unknown_examples_;
};

// Whether all words of a language model, but for <unk>, <s> and </s>, are symbols of the
// vocabulary: it then scores symbols, not words.
bool IsTokenModel(const LanguageModel& model, const Symbols& symbols);

}  // namespace ctc
