// Prefixes that language model, lexicon and hot words will treat alike from now on: one goes on,
// the others become its alternatives, as in a word lattice (S. Ortmanns, H. Ney, X. Aubert: A word
// graph algorithm for large vocabulary continuous speech recognition, 1997).

#include <algorithm>
#include <cmath>

#include "beam_search.h"

namespace ctc {
namespace {

// Alternatives that are less probable than their survivor by more than this (natural log) are
// forgotten, and so are those beyond the best few.
constexpr float kWorstAlternative = -14.0f;
constexpr int kMostAlternatives = 16;

}  // namespace

// Of prefixes that have the same future, keeps those that no other one surpasses. The others are
// remembered with them, for n-best lists and confidences.
void BeamSearch::Recombine() {
  size_t slots = 4;
  while (slots < beam_.size() * 2) slots *= 2;
  places_.assign(slots, -1);
  bool any = false;
  for (size_t i = 0; i < beam_.size(); ++i) {
    const Node& mine = nodes_[beam_[i].node];
    const Language& language = mine.language;
    // What is spelled off the lexicon is not known by its place in it.
    if (language.partial_length > 0 && (!lexicon_ || language.word == Lexicon::kOff)) continue;
    uint64_t key = (uint64_t{language.context} << 32) ^ language.word;
    key = (key ^ (uint64_t{language.hot} << 20) ^ static_cast<uint32_t>(mine.symbol)) *
          0x9E3779B97F4A7C15u;
    for (size_t slot = (key >> 32) & (slots - 1);; slot = (slot + 1) & (slots - 1)) {
      if (places_[slot] < 0) {
        places_[slot] = static_cast<int32_t>(i);
        break;
      }
      Entry& other = beam_[places_[slot]];
      const Node& theirs = nodes_[other.node];
      const Language& same = theirs.language;
      if (same.context != language.context || same.word != language.word ||
          same.extra != language.extra || same.hot != language.hot ||
          theirs.symbol != mine.symbol || theirs.ends_in_space != mine.ends_in_space) {
        continue;
      }
      const double worth = std::exp(language.score - same.score);  // of my mass, in theirs
      const Entry& me = beam_[i];
      if (me.blank * worth <= other.blank && me.symbol * worth <= other.symbol) {
        AddAlternative(other, me);
        nodes_[me.node].active = -1;
        any = true;
        break;
      }
      if (me.blank * worth >= other.blank && me.symbol * worth >= other.symbol) {
        AddAlternative(me, other);
        nodes_[other.node].active = -1;
        places_[slot] = static_cast<int32_t>(i);
        any = true;
        break;
      }
    }
  }
  if (!any) return;
  size_t size = 0;
  for (const Entry& entry : beam_) {
    if (nodes_[entry.node].active < 0) {
      free_later_.push_back(entry.node);
      continue;
    }
    nodes_[entry.node].active = static_cast<int32_t>(size);
    beam_[size++] = entry;
  }
  beam_.resize(size);
}

// Remembers `other` as another way to where `survivor` is.
void BeamSearch::AddAlternative(const Entry& survivor, const Entry& other) {
  const uint32_t node = survivor.node;
  Alternative made;
  made.node = other.node;
  made.acoustic = other.total - survivor.total;
  made.language =
      static_cast<float>(nodes_[other.node].language.score - nodes_[node].language.score);
  if (!(made.acoustic + made.language > kWorstAlternative)) return;
  const bool symbol_ended = other.best_symbol > other.best_blank;
  made.times = symbol_ended ? other.times_symbol : other.times_blank;
  made.frame = frame_;
  made.end = symbol_ended ? frame_ + 1 : other.end_blank;
  // A prefix that has come back and lost again, or that won before.
  for (uint32_t at = nodes_[other.node].alternatives; at != kNone; at = alternatives_[at].next) {
    if (alternatives_[at].node == node) {
      DropAlternative(other.node, at);
      break;
    }
  }
  int count = 0;
  uint32_t worst = kNone;
  for (uint32_t at = nodes_[node].alternatives; at != kNone; at = alternatives_[at].next) {
    Alternative& known = alternatives_[at];
    const float worth = known.acoustic + known.language;
    if (known.node == made.node) {
      if (made.acoustic + made.language <= worth) return;
      made.next = known.next;
      known = made;
      return;
    }
    ++count;
    if (worst == kNone || worth < alternatives_[worst].acoustic + alternatives_[worst].language)
      worst = at;
  }
  if (count >= kMostAlternatives) {
    const Alternative& least = alternatives_[worst];
    if (made.acoustic + made.language <= least.acoustic + least.language) return;
    const uint32_t forgotten = least.node;
    DropAlternative(node, worst);
    if (forgotten != made.node) free_later_.push_back(forgotten);
  }
  uint32_t place;
  if (free_alternatives_.empty()) {
    place = static_cast<uint32_t>(alternatives_.size());
    alternatives_.emplace_back();
  } else {
    place = free_alternatives_.back();
    free_alternatives_.pop_back();
  }
  made.next = nodes_[node].alternatives;
  alternatives_[place] = made;
  nodes_[node].alternatives = place;
  ++nodes_[made.node].pins;
}

// Forgets an alternative of a node. The caller releases what it led to.
void BeamSearch::DropAlternative(uint32_t node, uint32_t dropped) {
  uint32_t* link = &nodes_[node].alternatives;
  while (*link != dropped) link = &alternatives_[*link].next;
  *link = alternatives_[dropped].next;
  --nodes_[alternatives_[dropped].node].pins;
  alternatives_[dropped].node = kNone;
  free_alternatives_.push_back(dropped);
}

}  // namespace ctc
