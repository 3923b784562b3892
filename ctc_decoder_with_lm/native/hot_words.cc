#include "hot_words.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <sstream>

#include "error.h"

namespace ctc {
namespace {

void CheckWeight(const std::string& phrase, float weight) {
  if (!std::isfinite(weight))
    throw Error("The weight of hot word \"" + phrase + "\" is not a number.");
}

}  // namespace

HotWords::HotWords(const std::vector<std::pair<std::string, float>>& phrases,
                   const Symbols& symbols, const Lexicon* lexicon)
    : nodes_(1) {
  std::vector<SpelledWord> missing;
  std::set<std::vector<Char>> seen;
  for (const auto& [phrase, weight] : phrases) {
    CheckWeight(phrase, weight);
    std::vector<Char> chars{kSpace};
    std::istringstream words(phrase);
    std::string word;
    std::vector<Char> spelled;
    while (words >> word) {
      if (!symbols.Spell(word, &spelled)) {
        throw Error("Hot word \"" + phrase +
                    "\" has a character that is in no symbol of the vocabulary.");
      }
      uint32_t node = Lexicon::kRoot;
      for (size_t i = 0; lexicon && i < spelled.size() && node != Lexicon::kOff; ++i) {
        node = lexicon->Child(node, spelled[i]);
      }
      const bool known =
          lexicon && node != Lexicon::kOff && lexicon->word(node) != Lexicon::kNoWord;
      if (lexicon && !known && seen.insert(spelled).second) missing.push_back({spelled, 0, 0.0f});
      chars.insert(chars.end(), spelled.begin(), spelled.end());
      chars.push_back(kSpace);
    }
    if (chars.size() == 1) throw Error("A hot word is empty.");
    Insert(chars, weight);
  }
  Link();
  if (!missing.empty()) {
    extra_words_ = std::make_unique<Lexicon>(std::move(missing), symbols.alphabet_size());
  }
}

HotWords::HotWords(const std::vector<std::pair<std::string, float>>& phrases, const Model& model)
    : nodes_(1), spelled_(true) {
  std::unordered_map<std::string_view, uint32_t> numbers;
  for (size_t word = 0; word < model.words().size(); ++word) {
    numbers.emplace(model.words()[word], static_cast<uint32_t>(word));
  }
  for (const auto& [phrase, weight] : phrases) {
    CheckWeight(phrase, weight);
    std::vector<Char> chars;
    std::istringstream words(phrase);
    std::string word;
    while (words >> word) {
      const auto found = numbers.find(word);
      if (found == numbers.end()) {
        throw Error("Hot word \"" + phrase + "\": \"" + word +
                    "\" has no pronunciation in the lexicon.");
      }
      chars.push_back(CharOf(found->second));
    }
    if (chars.empty()) throw Error("A hot word is empty.");
    Insert(chars, weight);
  }
  Link();
  LendInside(model);
}

// A word of a phrase that is being spelled is lent more and more of what its end will bring.
void HotWords::LendInside(const Model& model) {
  std::unordered_map<Char, std::vector<State>> before;
  for (State state = 0; state < nodes_.size(); ++state) {
    for (const Arc& arc : nodes_[state].arcs) before[arc.label].push_back(state);
  }
  float most_lent = 0, most_completed = 0;
  for (const SpelledWord& spelling : model.spellings()) {
    const auto found = before.find(CharOf(model.word_of(spelling.index)));
    if (found == before.end()) continue;
    for (State state : found->second) {
      const Node& target = nodes_[Goto(state, found->first)];
      const float first = nodes_[state].lent, last = std::max(target.lent, target.completed);
      uint32_t node = Lexicon::kRoot;
      for (size_t i = 0; i < spelling.chars.size(); ++i) {
        node = model.lexicon()->Child(node, spelling.chars[i]);
        const float part = static_cast<float>(i + 1) / static_cast<float>(spelling.chars.size());
        float& lent = lent_inside_[(uint64_t{state} << 32) | node];
        lent = std::max(lent, first + (last - first) * part);
        most_lent = std::max(most_lent, lent);
      }
    }
  }
  for (const Node& node : nodes_) most_completed = std::max(most_completed, node.completed);
  most_ = std::max(most_, most_lent + most_completed);
}

// A shorter beginning of a phrase may go on where a longer one fails.
float HotWords::LentInside(State state, uint32_t node) const {
  float lent = 0;
  for (;; state = nodes_[state].fail) {
    const auto found = lent_inside_.find((uint64_t{state} << 32) | node);
    if (found != lent_inside_.end()) lent = std::max(lent, found->second);
    if (state == 0) return lent;
  }
}

void HotWords::Insert(const std::vector<Char>& chars, float weight) {
  State state = 0;
  for (size_t i = 0; i < chars.size(); ++i) {
    std::vector<Arc>& arcs = nodes_[state].arcs;
    auto at = std::lower_bound(arcs.begin(), arcs.end(), chars[i],
                               [](const Arc& arc, Char label) { return arc.label < label; });
    if (at != arcs.end() && at->label == chars[i]) {
      state = at->target;
    } else {
      const State made = static_cast<State>(nodes_.size());
      arcs.insert(at, {chars[i], made});
      nodes_.emplace_back();
      state = made;
    }
    // The boundary in front is not yet a part of the phrase; a complete phrase is paid, not lent.
    const size_t boundary = spelled_ ? 0 : 1;
    const float share = weight * (static_cast<float>(i + 1 - boundary) /
                                  static_cast<float>(chars.size() - boundary));
    if (i + 1 < chars.size()) nodes_[state].lent = std::max(nodes_[state].lent, share);
  }
  nodes_[state].completed += weight;
}

void HotWords::Link() {
  std::vector<State> queue;
  for (const Arc& arc : nodes_[0].arcs) queue.push_back(arc.target);
  for (size_t at = 0; at < queue.size(); ++at) {
    const State here = queue[at];
    for (const Arc& arc : nodes_[here].arcs) {
      State fail = nodes_[here].fail;
      while (fail && Goto(fail, arc.label) == kNone) fail = nodes_[fail].fail;
      const State target = Goto(fail, arc.label);
      nodes_[arc.target].fail = target == kNone ? 0 : target;
      queue.push_back(arc.target);
    }
  }
  for (State here : queue) {  // breadth first: the shorter suffix is ready
    nodes_[here].completed += nodes_[nodes_[here].fail].completed;
    nodes_[here].lent = std::max(nodes_[here].lent, nodes_[nodes_[here].fail].lent);
  }
  for (const Node& node : nodes_) {
    most_ = std::max(most_, std::max(node.lent, 0.0f) + std::max(node.completed, 0.0f));
  }
  const State after_space = Goto(0, kSpace);
  start_ = after_space == kNone ? 0 : after_space;
}

HotWords::State HotWords::Goto(State state, Char next) const {
  const std::vector<Arc>& arcs = nodes_[state].arcs;
  auto at = std::lower_bound(arcs.begin(), arcs.end(), next,
                             [](const Arc& arc, Char label) { return arc.label < label; });
  return at != arcs.end() && at->label == next ? at->target : kNone;
}

HotWords::State HotWords::Step(State state, Char next, float* completed) const {
  State target;
  while ((target = Goto(state, next)) == kNone) {
    if (state == 0) return 0;
    state = nodes_[state].fail;
  }
  *completed += nodes_[target].completed;
  return target;
}

}  // namespace ctc
