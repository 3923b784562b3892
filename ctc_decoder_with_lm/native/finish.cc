// The end of an utterance: final scores, n-best, words with times and confidence.

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <unordered_map>

#include "beam_search.h"

namespace ctc {
namespace {

// Hypotheses with less than this share of the beam's probability say nothing about a word.
constexpr double kSmallestShare = 1e-5;

double LogAdd(double a, double b) {
  if (a < b) std::swap(a, b);
  return std::isinf(b) ? a : a + std::log1p(std::exp(b - a));
}

// Without spaces at either end; inside, runs of them become one.
std::string Trimmed(const std::string& text, bool collapse) {
  std::string result;
  for (char c : text) {
    if (c == ' ' && (result.empty() || (collapse && result.back() == ' '))) continue;
    result.push_back(c);
  }
  while (!result.empty() && result.back() == ' ') result.pop_back();
  return result;
}

}  // namespace

std::vector<BeamSearch::Final> BeamSearch::Finals() {
  std::vector<Final> finals;
  bool any_complete = false;
  const float weakest = scoring_.empty_last_word ? WeakestPart() : 0;
  for (const Entry& entry : beam_) {
    Node& node = nodes_[entry.node];
    const double mass =
        scoring_.max_merge ? std::max(entry.blank, entry.symbol) : entry.blank + entry.symbol;
    if (!(mass > 0)) continue;
    Final made{entry, TextOf(entry.node), std::log(mass) - scale_, node.language.score, true, false,
               0};
    if (spelled_) {
      AddSpelledFinals(std::move(made), &finals);
      any_complete |= finals.back().complete;
      continue;
    }
    uint32_t context = node.language.context;
    if (node.language.partial_length > 0) {
      // flashlight: a word is complete when the space after it is heard.
      made.complete = !scoring_.complete_words_first;
      if (!made.complete) {
        // Its lookahead stays, as in flashlight; what hot words lent does not.
        const Language& left = node.language;
        made.language += left.ahead - (hot_ ? hot_->lent(left.hot, left.word) : 0.0f);
      } else if (CloseWord(&node); !scoring_.token_lm) {
        made.language += node.close_score;
        context = node.close_context;
      }
      if (hot_ && made.complete) {
        float completed = 0;
        hot_->Step(node.language.hot, kSpace, &completed);
        made.language += completed;
      }
    } else if (scoring_.empty_last_word && !scoring_.token_lm) {
      const LmScorer::Scored closed = scorer_.Word(context, kUnknownWord);
      made.language += closed.score;
      context = closed.context;
      made.empty_word = true;
    }
    if (scoring_.repeat_final_bonus && node.parent != kNone && symbols_.is_space(node.symbol)) {
      made.language += LastWordScore(entry.node);
    }
    made.language += scorer_.End(context);
    made.lowest = std::numeric_limits<float>::infinity();
    for (double mass : {entry.blank, entry.symbol}) {
      const float rank = PartRank(entry, mass);
      if (rank >= weakest) made.lowest = std::min(made.lowest, rank);
    }
    if (!made.complete) made.text = FinalText(made.text, false);
    any_complete |= made.complete;
    finals.push_back(std::move(made));
  }
  if ((scoring_.complete_words_first || spelled_) && any_complete) {
    finals.erase(
        std::remove_if(finals.begin(), finals.end(), [](const Final& f) { return !f.complete; }),
        finals.end());
  }
  std::stable_sort(finals.begin(), finals.end(),
                   [](const Final& a, const Final& b) { return a.score() > b.score(); });
  if (!scoring_.distinct_texts) return finals;
  // One hypothesis for each text.
  std::unordered_map<std::string, size_t> places;
  std::vector<Final> merged;
  for (Final& made : finals) {
    auto [place, added] = places.emplace(made.text, merged.size());
    if (added) {
      merged.push_back(std::move(made));
      continue;
    }
    Final& same = merged[place->second];
    if (!scoring_.merge_texts) continue;
    same.acoustic = scoring_.max_merge ? std::max(same.acoustic, made.acoustic)
                                       : LogAdd(same.acoustic, made.acoustic);
    if (scoring_.empty_last_word && made.lowest < same.lowest) {
      same.lowest = made.lowest;
      same.language = made.language;
      same.empty_word = made.empty_word;
    }
  }
  std::stable_sort(merged.begin(), merged.end(),
                   [](const Final& a, const Final& b) { return a.score() > b.score(); });
  return merged;
}

// The rank of the alignments of an entry that end in a blank, or in a symbol.
float BeamSearch::PartRank(const Entry& entry, double mass) const {
  return mass > 0 ? entry.rank - entry.total + Log(mass) : -std::numeric_limits<float>::infinity();
}

// pyctcdecode keeps the two kinds of alignments apart: the lowest rank that its beam would hold.
float BeamSearch::WeakestPart() const {
  std::vector<float> ranks;
  for (const Entry& entry : beam_) {
    for (double mass : {entry.blank, entry.symbol}) {
      if (mass > 0) ranks.push_back(PartRank(entry, mass));
    }
  }
  if (ranks.empty()) return 0;
  std::sort(ranks.begin(), ranks.end(), std::greater<float>());
  const size_t room = std::min(ranks.size(), static_cast<size_t>(options_.beam_width));
  return std::max(ranks[0] - options_.beam_threshold, ranks[room - 1]);
}

// The score of the last word that was ended on the way to a node.
float BeamSearch::LastWordScore(uint32_t node) {
  while (nodes_[node].parent != kNone) {
    Node& before = nodes_[nodes_[node].parent];
    if (before.language.partial_length > 0) {
      if (!symbols_.is_space(nodes_[node].symbol)) return 0;
      CloseWord(&before);
      return before.close_score;
    }
    if (before.parent == kNone && scoring_.empty_words) {
      return scorer_.Word(before.language.context, kUnknownWord).score;
    }
    node = nodes_[node].parent;
  }
  return 0;
}

// A hypothesis as a way through the tree: from an end towards the root, at some nodes by an
// alternative.
struct BeamSearch::Path {
  double acoustic, language;
  size_t final;
  std::vector<uint32_t> switches;
  uint32_t from;  // where it goes on beyond the last switch, the times there,
  uint32_t times;
  int32_t next_start;  // and the start of the symbol after that
  double score() const { return acoustic + language; }
};

// The best ways, best first: each end, and then again and again the best of what differs from a
// known way by one more alternative above its last one.
std::vector<BeamSearch::Path> BeamSearch::BestPaths(const std::vector<Final>& finals) const {
  auto worse = [](const Path& a, const Path& b) { return a.score() < b.score(); };
  std::vector<Path> heap, best;
  for (size_t i = 0; i < finals.size(); ++i) {
    const Entry& entry = finals[i].entry;
    const uint32_t times =
        entry.best_symbol > entry.best_blank ? entry.times_symbol : entry.times_blank;
    heap.push_back({finals[i].acoustic, finals[i].language, i, {}, entry.node, times, frame_ + 1});
  }
  std::make_heap(heap.begin(), heap.end(), worse);
  const size_t wanted = static_cast<size_t>(std::max(options_.nbest, options_.beam_width));
  const double least = std::log(kSmallestShare);
  while (!heap.empty() && best.size() < wanted * 2) {
    std::pop_heap(heap.begin(), heap.end(), worse);
    Path path = std::move(heap.back());
    heap.pop_back();
    const bool enough = best.size() >= static_cast<size_t>(options_.nbest) * 2;
    if (enough && path.score() < best[0].score() + least) break;
    uint32_t times = path.times;
    int32_t next_start = path.next_start;
    for (uint32_t node = path.from; nodes_[node].parent != kNone && times != kNone;
         node = nodes_[node].parent) {
      for (uint32_t at = nodes_[node].alternatives; at != kNone; at = alternatives_[at].next) {
        const Alternative& way = alternatives_[at];
        if (way.frame >= next_start || std::count(path.switches.begin(), path.switches.end(), at))
          continue;
        // The difference is that of the time when they met: no more than certainty.
        Path other{std::min(path.acoustic + way.acoustic, std::max(path.acoustic, 0.0)),
                   path.language + way.language,
                   path.final,
                   path.switches,
                   way.node,
                   way.times,
                   next_start};
        other.switches.push_back(at);
        heap.push_back(std::move(other));
        std::push_heap(heap.begin(), heap.end(), worse);
      }
      next_start = times_[times].start;
      times = times_[times].previous;
    }
    best.push_back(std::move(path));
  }
  return best;
}

std::vector<Hypothesis> BeamSearch::Finish() {
  const std::vector<Final> finals = Finals();
  std::vector<Hypothesis> all;
  std::vector<double> shares;
  std::vector<bool> empty_words;
  std::vector<uint32_t> endings;
  std::unordered_map<std::string, size_t> places;
  double sum = 0;
  for (const Path& path : BestPaths(finals)) {
    const Final& made = finals[path.final];
    const double share = std::exp(path.score() - finals[0].score());
    if (all.size() >= static_cast<size_t>(options_.nbest) && share < kSmallestShare) break;
    Hypothesis hypothesis;
    hypothesis.score = path.score();
    hypothesis.acoustic = path.acoustic;
    hypothesis.tokens = TokensOf(made.entry, path.switches);
    if (spelled_) {
      DescribeSpelled(hypothesis.tokens, made.ending, &hypothesis);
    } else {
      Describe(hypothesis.tokens, &hypothesis);
      hypothesis.text = made.text;
    }
    if (!spelled_ && !path.switches.empty()) {
      std::string text;
      for (const TokenTime& token : hypothesis.tokens) text += symbols_.text(token.symbol);
      hypothesis.text = FinalText(text, made.complete);
    }
    const bool known = !places.emplace(hypothesis.text, all.size()).second;
    if (known && scoring_.distinct_texts) continue;
    if (!spelled_ && !made.complete && !hypothesis.words.empty()) hypothesis.words.pop_back();
    sum += share;
    shares.push_back(share);
    empty_words.push_back(made.empty_word);
    endings.push_back(made.ending);
    all.push_back(std::move(hypothesis));
  }
  const size_t wanted = std::min(all.size(), static_cast<size_t>(options_.nbest));
  for (size_t i = 0; i < wanted; ++i) {
    // A word is as sure as the hypotheses that have it at the same time are probable.
    for (TimedWord& word : all[i].words) {
      double agreed = 0;
      for (size_t other = 0; other < all.size(); ++other) {
        const std::vector<TimedWord>& words = all[other].words;
        auto at = std::lower_bound(words.begin(), words.end(), word.start,
                                   [](const TimedWord& w, int start) { return w.end <= start; });
        for (; at != words.end() && at->start < word.end; ++at) {
          if (at->text == word.text) {
            agreed += shares[other];
            break;
          }
        }
      }
      word.confidence = static_cast<float>(std::min(1.0, agreed / sum));
    }
    if (spelled_) {
      SplitSpelledScore(all[i].tokens, endings[i], &all[i]);
    } else {
      SplitScore(all[i].tokens, empty_words[i], &all[i]);
    }
  }
  all.resize(wanted);
  return all;
}

std::vector<TokenTime> BeamSearch::TokensOf(const Entry& entry,
                                            const std::vector<uint32_t>& switches) const {
  const bool symbol_ended = entry.best_symbol > entry.best_blank;
  uint32_t at = symbol_ended ? entry.times_symbol : entry.times_blank;
  int end = symbol_ended ? frame_ : entry.end_blank, next_start = frame_;
  auto next_switch = switches.begin();
  std::vector<TokenTime> tokens;
  for (uint32_t node = entry.node; nodes_[node].parent != kNone; node = nodes_[node].parent) {
    while (next_switch != switches.end() && IsAlternative(node, *next_switch)) {
      const Alternative& other = alternatives_[*next_switch++];
      node = other.node;
      at = other.times;
      end = std::min(other.end, next_start);
    }
    if (at == kNone) break;
    tokens.push_back({nodes_[node].symbol, times_[at].start, end, nodes_[node].ended});
    next_start = times_[at].start;
    end = times_[at].previous_end;
    at = times_[at].previous;
  }
  std::reverse(tokens.begin(), tokens.end());
  return tokens;
}

// Whether an alternative is one of this node's.
bool BeamSearch::IsAlternative(uint32_t node, uint32_t wanted) const {
  uint32_t at = nodes_[node].alternatives;
  while (at != kNone && at != wanted) at = alternatives_[at].next;
  return at != kNone;
}

void BeamSearch::Describe(const std::vector<TokenTime>& tokens, Hypothesis* out) const {
  bool open = false;
  for (const TokenTime& token : tokens) {
    for (char c : symbols_.text(token.symbol)) {
      if (c == ' ') {
        open = false;
        continue;
      }
      if (!open) out->words.push_back({"", token.start, token.end, 0});
      open = true;
      out->words.back().text.push_back(c);
      out->words.back().end = token.end;
    }
  }
}

// The unweighted parts of a hypothesis' language score, by reading it once more.
void BeamSearch::SplitScore(const std::vector<TokenTime>& tokens, bool empty_word,
                            Hypothesis* out) {
  out->lm_scores.assign(model_->language_models().size(), 0.0f);
  uint32_t context = scorer_.start(), word = Lexicon::kRoot, length = 0;
  uint32_t hot = hot_ ? hot_->start() : 0;
  uint32_t last_word = kUnknownWord, last_context = context;
  bool at_start = true, last_space = false;
  auto count = [&](uint32_t index) {
    last_word = index;
    last_context = context;
    context = scorer_.Parts(context, index, &out->lm_scores);
    ++out->bonus_count;
  };
  auto close = [&] {
    uint32_t index = kUnknownWord;
    if (lexicon_ && word != Lexicon::kOff && lexicon_->word(word) != Lexicon::kNoWord)
      index = lexicon_->word(word);
    if (!scoring_.token_lm) count(index);
  };
  for (const TokenTime& token : tokens) {
    last_space = symbols_.is_space(token.symbol);
    for (Char next : symbols_.chars(token.symbol)) {
      if (hot_) hot = hot_->Step(hot, next, &out->boost);
      if (next == kSpace) {
        if (length > 0)
          close();
        else if (at_start && scoring_.empty_words)
          count(kUnknownWord);
        word = Lexicon::kRoot;
        length = 0;
      } else {
        if (lexicon_ && word != Lexicon::kOff) word = lexicon_->Child(word, next);
        ++length;
      }
      at_start = false;
    }
    if (scoring_.token_lm) count(static_cast<uint32_t>(token.symbol));
  }
  if (length > 0) {
    if (!scoring_.complete_words_first) close();
    if (hot_ && !scoring_.complete_words_first) hot_->Step(hot, kSpace, &out->boost);
  }
  if (empty_word) count(kUnknownWord);
  if (scoring_.repeat_final_bonus && last_space && out->bonus_count > 0) {
    scorer_.Parts(last_context, last_word, &out->lm_scores);
    ++out->bonus_count;
  }
  scorer_.EndParts(context, &out->lm_scores);
}

std::string BeamSearch::TextOf(uint32_t node) const {
  if (spelled_) return SpelledText(node, Lexicon::kNoWord);
  std::vector<int> symbols;
  for (; nodes_[node].parent != kNone; node = nodes_[node].parent)
    symbols.push_back(nodes_[node].symbol);
  std::string text;
  for (auto symbol = symbols.rbegin(); symbol != symbols.rend(); ++symbol)
    text += symbols_.text(*symbol);
  return FinalText(text, true);
}

// A hypothesis' text as it is given; without its last word where that is not complete.
std::string BeamSearch::FinalText(const std::string& raw, bool complete) const {
  std::string text = Trimmed(raw, scoring_.collapse_spaces);
  if (!complete)
    text.erase(text.find_last_of(' ') == std::string::npos ? 0 : text.find_last_of(' '));
  return text;
}

double BeamSearch::EndCost() {
  const double impossible = -std::numeric_limits<double>::infinity();
  double best = impossible, complete = impossible;
  for (const Entry& entry : beam_) {
    Node& node = nodes_[entry.node];
    const double score = entry.total + node.language.score;
    best = std::max(best, score);
    if (node.language.partial_length == 0 || scoring_.token_lm) {
      complete = std::max(complete, score);
    } else if (CloseWord(&node)) {
      complete = std::max(complete, score + node.close_score);
    }
  }
  return std::max(best - complete, 0.0);
}

void BeamSearch::Partial(std::string* text, std::string* stable, std::vector<TimedWord>* words) {
  const Entry* best = &beam_[0];
  for (const Entry& entry : beam_) {
    if (entry.rank > best->rank) best = &entry;
  }
  Hypothesis described;
  if (spelled_) {
    const Ending* last = BestEnding(nodes_[best->node].language);
    DescribeSpelled(TokensOf(*best, {}), last ? last->spelling : Lexicon::kNoWord, &described);
    *text = described.text;
  } else {
    *text = TextOf(best->node);
    Describe(TokensOf(*best, {}), &described);
  }
  *words = std::move(described.words);
  // What all prefixes of the beam share. (Alternatives never win.)
  std::vector<uint32_t> shared;
  for (uint32_t node = best->node; node != kNone; node = nodes_[node].parent)
    shared.push_back(node);
  std::reverse(shared.begin(), shared.end());
  std::unordered_map<uint32_t, size_t> depths;
  for (size_t depth = 0; depth < shared.size(); ++depth) depths.emplace(shared[depth], depth);
  size_t common = shared.size() - 1;
  for (const Entry& entry : beam_) {
    uint32_t node = entry.node;
    while (!depths.count(node)) node = nodes_[node].parent;
    common = std::min(common, depths[node]);
  }
  uint32_t node = shared[common];
  while (scoring_.complete_words_first && nodes_[node].language.partial_length > 0) {
    node = nodes_[node].parent;  // the end may drop this word
  }
  *stable = TextOf(node);
}

}  // namespace ctc
