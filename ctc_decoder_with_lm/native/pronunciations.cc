// Words with pronunciations: a symbol may end one of the words that a spelling stands for, so that
// a prefix goes on once for each of them.

#include <algorithm>

#include "beam_search.h"

namespace ctc {

// The words that may end here, homophones one after the other.
void BeamSearch::FindEndings(const Language& language) {
  endings_.clear();
  if (language.partial_length == 0) return;
  uint32_t spelling = lexicon_->word(language.word);
  if (spelling == Lexicon::kNoWord) return;
  for (bool more = true; more; ++spelling) {
    const LmScorer::Scored scored = scorer_.Word(language.context, spelling);
    endings_.push_back({spelling, scored.score, scored.context});
    more = lexicon_->homophone_follows(spelling);
  }
}

// The most probable of them, valid until the next search for endings; null: there is none.
const BeamSearch::Ending* BeamSearch::BestEnding(const Language& language) {
  FindEndings(language);
  const auto best =
      std::max_element(endings_.begin(), endings_.end(),
                       [](const Ending& a, const Ending& b) { return a.score < b.score; });
  return best == endings_.end() ? nullptr : &*best;
}

void BeamSearch::EndWord(const Ending& ending, Language* language) const {
  language->score += ending.score;
  language->context = ending.context;
  language->word = Lexicon::kRoot;
  language->partial_length = 0;
  if (!hot_) return;
  float completed = 0;
  language->hot =
      hot_->Step(language->hot, HotWords::CharOf(model_->word_of(ending.spelling)), &completed);
  language->score += completed;
}

// Like Step: the language side of a prefix with one more symbol, behind the end of a word or not.
bool BeamSearch::StepSpelled(uint32_t from, int symbol, const Ending* ending, Language* out) const {
  *out = nodes_[from].language;
  if (ending) EndWord(*ending, out);
  if (!symbols_.is_space(symbol)) {
    out->word = lexicon_->Child(out->word, symbols_.single(symbol));
    if (out->word == Lexicon::kOff) return false;
    ++out->partial_length;
  }
  out->ahead = Ahead(*out);
  return true;
}

// One hypothesis for each word that the last spelling may be; without that word where it is none.
void BeamSearch::AddSpelledFinals(Final made, std::vector<Final>* finals) {
  const uint32_t node = made.entry.node;
  const Language& language = nodes_[node].language;
  if (language.partial_length == 0) {
    made.language += scorer_.End(language.context);
    finals->push_back(std::move(made));
    return;
  }
  if (scoring_.complete_words_first && model_->separated()) {
    // flashlight: the separator has not been heard, and the lookahead stays.
    made.complete = false;
    made.language += language.ahead - (hot_ ? hot_->lent(language.hot, language.word) : 0.0f);
    made.language += scorer_.End(language.context);
    finals->push_back(std::move(made));
    return;
  }
  FindEndings(language);
  if (endings_.empty()) {
    const LmScorer::Scored unknown = scorer_.Word(language.context, kUnknownWord);
    made.complete = false;
    made.language += unknown.score + scorer_.End(unknown.context);
    finals->push_back(std::move(made));
    return;
  }
  for (const Ending& ending : endings_) {
    Language ended = language;
    EndWord(ending, &ended);
    Final one = made;
    one.ending = ending.spelling;
    one.language = ended.score + scorer_.End(ended.context);
    one.text = SpelledText(node, ending.spelling);
    finals->push_back(std::move(one));
  }
}

// The words that ended on the way to a node, and a last one (or kNoWord).
std::string BeamSearch::SpelledText(uint32_t node, uint32_t last) const {
  std::vector<uint32_t> spellings;
  if (last != Lexicon::kNoWord) spellings.push_back(last);
  for (; nodes_[node].parent != kNone; node = nodes_[node].parent) {
    if (nodes_[node].ended != Lexicon::kNoWord) spellings.push_back(nodes_[node].ended);
  }
  std::string text;
  for (auto spelling = spellings.rbegin(); spelling != spellings.rend(); ++spelling) {
    if (!text.empty()) text.push_back(' ');
    text += model_->words()[model_->word_of(*spelling)];
  }
  return text;
}

// Like Describe: words with their times, and the text of them.
void BeamSearch::DescribeSpelled(const std::vector<TokenTime>& tokens, uint32_t last,
                                 Hypothesis* out) const {
  int start = -1, end = -1;
  auto close = [&](uint32_t spelling) {
    if (spelling != Lexicon::kNoWord && start >= 0) {
      const std::string& word = model_->words()[model_->word_of(spelling)];
      out->words.push_back({word, start, end, 0});
      out->text += (out->text.empty() ? "" : " ") + word;
      start = -1;
    }
  };
  for (const TokenTime& token : tokens) {
    close(token.ended);
    if (symbols_.is_space(token.symbol)) continue;
    if (start < 0) start = token.start;
    end = token.end;
  }
  close(last);
}

// Like SplitScore.
void BeamSearch::SplitSpelledScore(const std::vector<TokenTime>& tokens, uint32_t last,
                                   Hypothesis* out) {
  out->lm_scores.assign(model_->language_models().size(), 0.0f);
  uint32_t context = scorer_.start(), hot = hot_ ? hot_->start() : 0;
  auto count = [&](uint32_t spelling) {
    context = scorer_.Parts(context, spelling, &out->lm_scores);
    ++out->bonus_count;
    if (hot_ && spelling != kUnknownWord)
      hot = hot_->Step(hot, HotWords::CharOf(model_->word_of(spelling)), &out->boost);
  };
  bool open = false;
  for (const TokenTime& token : tokens) {
    if (token.ended != Lexicon::kNoWord) count(token.ended);
    open = !symbols_.is_space(token.symbol);
  }
  if (last != Lexicon::kNoWord) {
    count(last);
  } else if (open && !(scoring_.complete_words_first && model_->separated())) {
    count(kUnknownWord);
  }
  scorer_.EndParts(context, &out->lm_scores);
}

}  // namespace ctc
