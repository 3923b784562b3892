#include "lexicon.h"

#include <algorithm>

#include "error.h"

namespace ctc {

Lexicon::Lexicon(std::vector<SpelledWord> words, int alphabet_size, bool homophones)
    : small_(alphabet_size <= 64) {
  if (homophones) homophone_follows_.resize(words.size(), false);
  std::stable_sort(words.begin(), words.end(), [](const SpelledWord& a, const SpelledWord& b) {
    return a.chars < b.chars;
  });
  // Breadth first, so that siblings are neighbours: each entry is the range of sorted words that
  // go through a node.
  struct Range {
    uint32_t node;
    size_t first, last, depth;
  };
  std::vector<Range> level{{kRoot, 0, words.size(), 0}}, next;
  nodes_.emplace_back();
  if (!small_) labels_.push_back(kNoChar);
  while (!level.empty()) {
    next.clear();
    for (const Range& range : level) {
      size_t first = range.first;
      float best = -1e30f, worst = 1e30f;
      for (size_t i = range.first; i < range.last; ++i) {
        best = std::max(best, words[i].unigram);
        worst = std::min(worst, words[i].unigram);
      }
      nodes_[range.node].best = best;
      nodes_[range.node].worst = worst;
      if (first < range.last && words[first].chars.size() == range.depth && range.depth > 0) {
        nodes_[range.node].word = words[first].index;
        ++words_;
        for (++first; first < range.last && words[first].chars.size() == range.depth; ++first) {
          if (!homophones) continue;
          homophone_follows_[words[first - 1].index] = true;
          ++words_;
        }
      }
      const uint32_t first_child = static_cast<uint32_t>(nodes_.size());
      uint64_t mask = 0;
      while (first < range.last) {
        const Char label = words[first].chars[range.depth];
        size_t last = first;
        while (last < range.last && words[last].chars[range.depth] == label) ++last;
        if (nodes_.size() >= kOff) throw Error("The lexicon has too many characters.");
        next.push_back({static_cast<uint32_t>(nodes_.size()), first, last, range.depth + 1});
        nodes_.emplace_back();
        if (small_) {
          mask |= uint64_t{1} << label;
        } else {
          labels_.push_back(label);
          ++mask;
        }
        first = last;
      }
      nodes_[range.node].first_child = first_child;
      nodes_[range.node].mask = mask;
    }
    level.swap(next);
  }
  nodes_.shrink_to_fit();
}

uint32_t Lexicon::SearchChild(const Node& node, Char next) const {
  const Char* first = labels_.data() + node.first_child;
  const Char* last = first + node.mask;
  const Char* found = std::lower_bound(first, last, next);
  return found != last && *found == next ? static_cast<uint32_t>(found - labels_.data()) : kOff;
}

size_t Lexicon::bytes() const {
  return nodes_.size() * sizeof(Node) + labels_.size() * sizeof(Char);
}

}  // namespace ctc
