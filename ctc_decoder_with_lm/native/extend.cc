// Longer prefixes: which symbols may follow, and what language model and lexicon say of them.

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>

#include "beam_search.h"

namespace ctc {
namespace {

constexpr float kImpossible = -std::numeric_limits<float>::infinity();
// pyctcdecode's usual length of a word, for the penalty of unknown ones.
constexpr float kUsualLength = 6.0f;

}  // namespace

// Every prefix with one more symbol, unless that prefix is in the beam already.
void BeamSearch::Extend() {
  candidates_.clear();
  refresh_at_ = static_cast<size_t>(options_.beam_width);
  entries_.resize(beam_.size());
  std::iota(entries_.begin(), entries_.end(), 0u);
  float best_base = kImpossible;
  for (float base : bases_) best_base = std::max(best_base, base);
  if (symbols_.size() > 64 || !plain_) {  // good candidates first raise the floor for the others
    std::sort(entries_.begin(), entries_.end(), [&](uint32_t a, uint32_t b) {
      return bases_[a] != bases_[b] ? bases_[a] > bases_[b] : a < b;
    });
  }
  order_.clear();
  starts_.clear();
  for (int symbol = 0; symbol < symbols_.size(); ++symbol) {
    if (enter_logs_[symbol] == kImpossible || best_base + enter_logs_[symbol] + most_gain_ < floor_)
      continue;
    const bool starts = plain_ && starts_word_[symbol] != kNoStart;
    if (starts && (!spelled_ || starts_word_[symbol] != Lexicon::kOff)) starts_.push_back(symbol);
    // A phoneme may begin a word or go on with one.
    if (spelled_ ? !symbols_.is_space(symbol) : !starts) order_.push_back(symbol);
  }
  std::sort(order_.begin(), order_.end(), [&](int a, int b) {
    return enter_logs_[a] != enter_logs_[b] ? enter_logs_[a] > enter_logs_[b] : a < b;
  });
  if (plain_) {
    ExtendWords();
    return;
  }
  for (uint32_t i : entries_) {
    for (int symbol : order_) {
      if (bases_[i] + enter_logs_[symbol] + most_gain_ < floor_) break;
      Try(i, symbol);
    }
  }
}

// The usual case, words out of a lexicon: one look at it rules out most symbols.
void BeamSearch::ExtendWords() {
  const float hot = hot_ ? hot_->most() : 0.0f;
  // A symbol that begins a word is worth the best word that begins so.
  auto worth = [&](int symbol) {
    const uint32_t word = starts_word_[symbol];
    const bool begun = word != Lexicon::kRoot && word != Lexicon::kOff;
    return enter_logs_[symbol] + (begun ? lookahead_weight_ * lexicon_->best(word) : 0.0f);
  };
  std::sort(starts_.begin(), starts_.end(), [&](int a, int b) {
    const float first = worth(a), second = worth(b);
    return first != second ? first > second : a < b;
  });
  for (uint32_t i : entries_) {
    const Language language = nodes_[beam_[i].node].language;
    const bool known = language.word != Lexicon::kOff;
    const bool extra = extra_ && language.extra != Lexicon::kOff;
    // No word below a node is better than the best one of the node.
    const float ahead = known ? lookahead_weight_ * lexicon_->best(language.word) : 0.0f;
    for (int symbol : order_) {
      const float base = bases_[i] + enter_logs_[symbol] + hot;
      if (base + (extra ? 0.0f : ahead) < floor_) break;
      uint32_t word = language.word;
      for (Char next : symbols_.chars(symbol)) {
        if (word == Lexicon::kOff) break;
        word = lexicon_->Child(word, next);
      }
      const bool good =
          word != Lexicon::kOff && base + lookahead_weight_ * lexicon_->best(word) >= floor_;
      if (good || extra) Try(i, symbol);
    }
    if (starts_.empty() || bases_[i] + worth(starts_[0]) + most_gain_ < floor_) continue;
    float base = bases_[i] + hot;
    if (spelled_) {
      FindEndings(language);
      for (const Ending& ending : endings_) {
        for (int symbol : starts_) {
          if (base + ending.score + worth(symbol) < floor_) break;
          Try(i, symbol, &ending);
        }
      }
      continue;
    }
    if (language.partial_length > 0) {
      Node& node = nodes_[beam_[i].node];
      if (!CloseWord(&node)) continue;
      base += node.close_score;
    }
    for (int symbol : starts_) {
      if (base + worth(symbol) < floor_ && !extra_) break;
      if (starts_word_[symbol] != Lexicon::kOff || extra_) Try(i, symbol);
    }
  }
}

// One prefix with one more symbol: a candidate, if it is new and good enough.
void BeamSearch::Try(size_t from, int symbol, const Ending* ending) {
  const Entry& entry = beam_[from];
  const Node& node = nodes_[entry.node];
  if (bases_[from] + enter_logs_[symbol] < cutoff_) return;
  Candidate made;
  made.ended = ending ? ending->spelling : Lexicon::kNoWord;
  if (extensions_[from] & Bit(symbol)) {
    if (symbols_.size() <= 64 && !spelled_) return;
    const uint32_t child = FindChild(entry.node, symbol, made.ended);
    if (child != kNone && nodes_[child].active >= 0) return;
  }
  made.total = entry.total;
  made.mass = scoring_.max_merge ? std::max(entry.blank, entry.symbol) : entry.blank + entry.symbol;
  if (node.ends_in_space) {
    if (symbols_.is_space(symbol)) return;  // the same prefix
  } else if (symbol == node.symbol) {       // only a blank between makes it another symbol
    if (!(entry.blank > 0)) return;
    made.mass = entry.blank;
    made.total = Log(entry.blank);
    if (made.total + (bases_[from] - entry.total) + enter_logs_[symbol] + most_gain_ < floor_)
      return;
  }
  made.total += enter_logs_[symbol];
  made.mass *= enter_probs_[symbol];
  if (!(made.mass > 0)) return;
  if (!(spelled_ ? StepSpelled(entry.node, symbol, ending, &made.language)
                 : Step(entry.node, symbol, &made.language)))
    return;
  const float rank = Rank(made.total, made.language);
  if (!(rank >= floor_)) return;
  made.from = static_cast<uint32_t>(from);
  made.symbol = symbol;
  candidates_.push_back(made);
  ranks_.push_back(rank);
  if (candidates_.size() >= refresh_at_) RaiseFloor();
}

// What is below the best beam_width so far cannot be among the best of all.
void BeamSearch::RaiseFloor() {
  sorted_.assign(ranks_.begin(), ranks_.end());
  const auto last = sorted_.begin() + (options_.beam_width - 1);
  std::nth_element(sorted_.begin(), last, sorted_.end(), std::greater<float>());
  floor_ = std::max(floor_, *last);
  refresh_at_ = candidates_.size() + static_cast<size_t>(options_.beam_width);
}

// Drops the half of an entry that has no place of its own in the beam.
void BeamSearch::DropLesser(Entry* entry) {
  if (entry->blank < entry->symbol) {
    entry->blank = 0;
    entry->best_blank = kImpossible;
  } else {
    entry->symbol = 0;
    entry->best_symbol = kImpossible;
  }
  const float before = entry->total;
  entry->total = Log(entry->blank + entry->symbol);
  entry->rank += entry->total - before;
}

// The language side of a prefix with one more symbol; false where the lexicon forbids it.
bool BeamSearch::Step(uint32_t from, int symbol, Language* out) {
  Node& node = nodes_[from];
  *out = node.language;
  float completed = 0;
  bool first = true;
  for (Char next : symbols_.chars(symbol)) {
    if (hot_) out->hot = hot_->Step(out->hot, next, &completed);
    if (next == kSpace) {
      if (out->partial_length > 0) {
        bool closable;
        LmScorer::Scored closed;
        if (first) {
          closable = CloseWord(&node);
          closed = {node.close_score, node.close_context};
        } else {
          closed = ClosingScore(*out, &closable);
        }
        if (!closable) return false;
        if (!scoring_.token_lm) {
          out->score += closed.score;
          out->context = closed.context;
        }
      } else if (node.parent == kNone && first && scoring_.empty_words) {
        const LmScorer::Scored closed = scorer_.Word(out->context, kUnknownWord);
        out->score += closed.score;
        out->context = closed.context;
      } else if (model_->constrained() && !scoring_.collapse_spaces &&
                 symbols_.chars(symbol).size() == 1) {
        return false;  // no word begins with a space
      }
      out->word = out->extra = out->trie = Lexicon::kRoot;
      out->partial_length = 0;
    } else {
      if (lexicon_ && out->word != Lexicon::kOff) out->word = lexicon_->Child(out->word, next);
      if (extra_ && out->extra != Lexicon::kOff) out->extra = extra_->Child(out->extra, next);
      const bool off =
          lexicon_ && out->word == Lexicon::kOff && (!extra_ || out->extra == Lexicon::kOff);
      if (off && model_->constrained()) return false;
      if (scoring_.partial_word == PartialWord::kTrie && trie_) {
        if (out->trie != Lexicon::kOff) out->trie = trie_->Child(out->trie, next);
        out->score += options_.trie_weight * (out->trie == Lexicon::kOff ? scoring_.partial_score
                                                                         : trie_->worst(out->trie));
      }
      ++out->partial_length;
    }
    first = false;
  }
  if (scoring_.token_lm) {
    const LmScorer::Scored scored = scorer_.Word(out->context, static_cast<uint32_t>(symbol));
    out->score += scored.score;
    out->context = scored.context;
  }
  out->score += completed;
  out->ahead = Ahead(*out);
  return true;
}

LmScorer::Scored BeamSearch::ClosingScore(const Language& language, bool* closable) {
  if (spelled_) {
    const Ending* best = BestEnding(language);
    *closable = best != nullptr;
    return best ? LmScorer::Scored{best->score, best->context}
                : scorer_.Word(language.context, kUnknownWord);
  }
  uint32_t word = Lexicon::kNoWord;
  if (lexicon_ && language.word != Lexicon::kOff) word = lexicon_->word(language.word);
  *closable = word != Lexicon::kNoWord || !model_->constrained() ||
              (extra_ && language.extra != Lexicon::kOff &&
               extra_->word(language.extra) != Lexicon::kNoWord);
  if (scoring_.token_lm) return {0, language.context};
  return scorer_.Word(language.context, word == Lexicon::kNoWord ? kUnknownWord : word);
}

bool BeamSearch::CloseWord(Node* node) {
  if (!node->closed) {
    const LmScorer::Scored scored = ClosingScore(node->language, &node->closable);
    node->close_score = scored.score;
    node->close_context = scored.context;
    node->closed = true;
  }
  return node->closable;
}

float BeamSearch::Ahead(const Language& language) const {
  float ahead = hot_ ? hot_->lent(language.hot, language.word) : 0.0f;
  if (language.partial_length == 0 || scoring_.token_lm) return ahead;
  const bool off = !lexicon_ || language.word == Lexicon::kOff;
  if (scoring_.partial_word == PartialWord::kLookahead) {
    if (lexicon_)
      ahead +=
          off ? scorer_.unknown_score() : scorer_.unigram_weight() * lexicon_->best(language.word);
  } else if (scoring_.partial_word == PartialWord::kUnknown && off) {
    ahead += scoring_.partial_score *
             std::max(1.0f, static_cast<float>(language.partial_length) / kUsualLength);
  }
  return ahead;
}

}  // namespace ctc
