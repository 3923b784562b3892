#include "model.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>

#include "error.h"
#include "trie_file.h"

namespace ctc {
namespace {

bool IsSpecial(std::string_view word) {
  return word == "<unk>" || word == "<UNK>" || word == "<s>" || word == "</s>";
}

// Text files cannot hold a space as a word; these stand for it.
constexpr std::string_view kSpaceNames[] = {"|", "\xE2\x96\x81", "<space>", "_"};

// The id of a symbol in a language model of symbols; 0 when it has none.
WordId TokenId(const LanguageModel& model, const Symbols& symbols, int symbol) {
  if (symbols.name(symbol) != " ") return model.Find(symbols.name(symbol));
  for (std::string_view name : kSpaceNames) {
    if (WordId id = model.Find(name)) return id;
  }
  return 0;
}

}  // namespace

bool IsTokenModel(const LanguageModel& model, const Symbols& symbols) {
  std::unordered_set<std::string_view> names(std::begin(kSpaceNames), std::end(kSpaceNames));
  for (int symbol = 0; symbol < symbols.size(); ++symbol) names.insert(symbols.name(symbol));
  size_t found = 0;
  for (std::string_view word : model.words()) {
    if (IsSpecial(word)) continue;
    if (!names.count(word)) return false;
    ++found;
  }
  return found > 0;
}

Model::Model(const std::vector<std::string>& symbols, const Scoring& scoring,
             std::vector<std::shared_ptr<const LanguageModel>> language_models,
             const std::vector<std::string>* words, const std::string& trie_path,
             const Pronunciations* pronunciations)
    : symbols_(pronunciations ? Symbols::Whole(symbols, pronunciations->separator)
                              : Symbols(symbols)),
      scoring_(scoring),
      models_(std::move(language_models)) {
  for (const auto& model : models_) {
    if (!model) throw Error("A language model is missing.");
  }
  if (pronunciations) {
    MakeSpelledLexicon(*pronunciations);
    return;
  }
  if (scoring_.token_lm) MakeTokenIds();
  if (words || (!models_.empty() && !scoring_.token_lm)) MakeLexicon(words);
  if (!trie_path.empty()) {
    score_trie_ = std::make_unique<Lexicon>(ReadTrieFile(trie_path, symbols_));
  }
}

void Model::MakeTokenIds() {
  for (const auto& model : models_) {
    std::vector<WordId> ids;
    for (int symbol = 0; symbol < symbols_.size(); ++symbol) {
      ids.push_back(TokenId(*model, symbols_, symbol));
    }
    word_ids_.push_back(std::move(ids));
  }
}

void Model::MakeLexicon(const std::vector<std::string>* given) {
  std::vector<std::string_view> words;
  if (given) {
    words.assign(given->begin(), given->end());
  } else {
    std::unordered_set<std::string_view> seen;
    for (const auto& model : models_) {
      for (std::string_view word : model->words()) {
        if (!IsSpecial(word) && (models_.size() == 1 || seen.insert(word).second)) {
          words.push_back(word);
        }
      }
    }
  }
  std::vector<SpelledWord> spelled;
  std::vector<Char> chars;
  if (!scoring_.token_lm) word_ids_.resize(models_.size());
  for (std::string_view word : words) {
    bool fits = false;
    try {
      fits = symbols_.Spell(word, &chars);
    } catch (const Error&) {  // not UTF-8: no symbol spells it
    }
    if (!fits) {
      if (++unspellable_ <= 5) examples_.emplace_back(word);
      continue;
    }
    const uint32_t index = static_cast<uint32_t>(spelled.size());
    float unigram = 0;
    if (!scoring_.token_lm) {
      for (size_t i = 0; i < models_.size(); ++i) {
        const WordId id = models_[i]->Find(word);
        word_ids_[i].push_back(id);
        LmState ignored;
        const LmState& before = scoring_.lookahead_from_start ? models_[i]->begin() : models_[i]->null();
        if (i == 0) unigram = models_[i]->Score(before, id, &ignored);
      }
    }
    spelled.push_back({chars, index, unigram});
  }
  if (spelled.empty()) {
    const std::string example = examples_.empty() ? "" : " (\"" + examples_[0] + "\")";
    throw Error(words.empty() ? "The lexicon has no words."
                              : "None of the lexicon's " + std::to_string(words.size()) + " words" +
                                    example + " can be spelled with the vocabulary's symbols: upper and "
                                    "lower case, or a language model of another language or unit?");
  }
  lexicon_ = std::make_unique<Lexicon>(std::move(spelled), symbols_.alphabet_size());
}

// Spellings get their numbers in the order of the trie, so that those of homophones follow one
// another.
void Model::MakeSpelledLexicon(const Pronunciations& given) {
  if (given.spellings.empty()) throw Error("The lexicon has no words.");
  separated_ = given.separator >= 0;
  words_ = given.words;
  std::vector<float> unigrams(words_.size(), 0.0f);
  std::vector<std::vector<WordId>> ids(models_.size());
  for (size_t word = 0; word < words_.size(); ++word) {
    bool known = models_.empty();
    for (size_t i = 0; i < models_.size(); ++i) {
      const LanguageModel& model = *models_[i];
      ids[i].push_back(model.Find(words_[word]));
      known |= ids[i].back() != 0;
      LmState ignored;
      const LmState& before = scoring_.lookahead_from_start ? model.begin() : model.null();
      if (i == 0) unigrams[word] = model.Score(before, ids[i].back(), &ignored);
    }
    if (!known && ++unknown_words_ <= 5) unknown_examples_.push_back(words_[word]);
  }
  for (const auto& [word, symbols] : given.spellings) {
    SpelledWord made{{}, word, unigrams.at(word)};
    for (int symbol : symbols) {
      if (symbol < 0 || symbol >= symbols_.size() || symbol == given.separator)
        throw Error("A spelling of \"" + words_[word] + "\" is none of symbols.");
      made.chars.push_back(symbols_.single(symbol));
    }
    if (made.chars.empty()) throw Error("A spelling of \"" + words_[word] + "\" is empty.");
    spellings_.push_back(std::move(made));
  }
  std::sort(spellings_.begin(), spellings_.end(), [](const SpelledWord& a, const SpelledWord& b) {
    return a.chars != b.chars ? a.chars < b.chars : a.index < b.index;
  });
  word_ids_.resize(models_.size());
  for (SpelledWord& one : spellings_) {
    for (size_t i = 0; i < models_.size(); ++i) word_ids_[i].push_back(ids[i][one.index]);
    word_of_.push_back(one.index);
    one.index = static_cast<uint32_t>(word_of_.size() - 1);
  }
  lexicon_ = std::make_unique<Lexicon>(spellings_, symbols_.alphabet_size(), true);
}

}  // namespace ctc
