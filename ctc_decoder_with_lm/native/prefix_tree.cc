// The tree of prefixes, the times of their symbols, and the memory of both.

#include <algorithm>

#include "beam_search.h"

namespace ctc {

uint32_t BeamSearch::MakeNode(uint32_t parent, int symbol, uint32_t ended,
                              const Language& language) {
  uint32_t made;
  if (free_.empty()) {
    made = static_cast<uint32_t>(nodes_.size());
    nodes_.emplace_back();
  } else {
    made = free_.back();
    free_.pop_back();
  }
  Node& node = nodes_[made];
  node.language = language;
  node.parent = parent;
  node.first_child = node.previous = node.next = kNone;
  node.symbol = symbol;
  node.ended = ended;
  node.active = -1;
  node.children = 0;
  node.ends_in_space = scoring_.collapse_spaces && symbol >= 0 && symbols_.is_space(symbol);
  node.closable = node.closed = false;
  node.alternatives = kNone;
  node.pins = 0;
  if (parent != kNone) {
    Node& above = nodes_[parent];
    node.next = above.first_child;
    if (node.next != kNone) nodes_[node.next].previous = made;
    above.first_child = made;
    above.children |= Bit(symbol);
  }
  return made;
}

uint32_t BeamSearch::FindChild(uint32_t parent, int symbol, uint32_t ended) const {
  if (!(nodes_[parent].children & Bit(symbol))) return kNone;
  uint32_t child = nodes_[parent].first_child;
  while (child != kNone && (nodes_[child].symbol != symbol || nodes_[child].ended != ended))
    child = nodes_[child].next;
  return child;
}

// Frees a node that is not in the beam and leads nowhere, and its ancestors of that kind.
void BeamSearch::Release(uint32_t released) {
  std::vector<uint32_t> queue{released};
  while (!queue.empty()) {
    released = queue.back();
    queue.pop_back();
    Node& node = nodes_[released];
    if (node.active >= 0 || node.first_child != kNone || node.parent == kNone || node.pins > 0)
      continue;
    const uint32_t parent = node.parent;
    Node& above = nodes_[parent];
    if (node.previous != kNone) {
      nodes_[node.previous].next = node.next;
    } else {
      above.first_child = node.next;
    }
    if (node.next != kNone) nodes_[node.next].previous = node.previous;
    above.children = 0;
    for (uint32_t child = above.first_child; child != kNone; child = nodes_[child].next) {
      above.children |= Bit(nodes_[child].symbol);
    }
    node.parent = kNone;
    node.closed = false;
    free_.push_back(released);
    queue.push_back(parent);
    while (node.alternatives != kNone) {
      const uint32_t other = alternatives_[node.alternatives].node;
      DropAlternative(released, node.alternatives);
      queue.push_back(other);
    }
  }
}

uint32_t BeamSearch::AddTime(const Entry& from, bool symbol_ended) {
  times_.push_back({symbol_ended ? from.times_symbol : from.times_blank,
                    symbol_ended ? frame_ : from.end_blank, frame_});
  return static_cast<uint32_t>(times_.size() - 1);
}

void BeamSearch::CompactTimes() {
  std::vector<uint32_t> place(times_.size(), 0);
  for (const Entry& entry : beam_) {
    for (uint32_t at : {entry.times_blank, entry.times_symbol}) {
      while (at != kNone && !place[at]) {
        place[at] = 1;
        at = times_[at].previous;
      }
    }
  }
  for (const Alternative& other : alternatives_) {
    for (uint32_t at = other.node == kNone ? kNone : other.times; at != kNone && !place[at];) {
      place[at] = 1;
      at = times_[at].previous;
    }
  }
  uint32_t size = 0;
  for (size_t i = 0; i < times_.size(); ++i) {  // a symbol lies after the ones before it
    if (!place[i]) continue;
    TimeNode moved = times_[i];
    if (moved.previous != kNone) moved.previous = place[moved.previous];
    times_[size] = moved;
    place[i] = size++;
  }
  times_.resize(size);
  for (Entry& entry : beam_) {
    if (entry.times_blank != kNone) entry.times_blank = place[entry.times_blank];
    if (entry.times_symbol != kNone) entry.times_symbol = place[entry.times_symbol];
  }
  for (Alternative& other : alternatives_) {
    if (other.node != kNone && other.times != kNone) other.times = place[other.times];
  }
  compact_times_at_ = std::max(kFewTimes, times_.size() * 2);
}

void BeamSearch::CompactContexts() {
  std::vector<bool> gone(nodes_.size(), false);
  for (uint32_t node : free_) gone[node] = true;
  std::vector<uint32_t*> used;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (gone[i]) continue;
    used.push_back(&nodes_[i].language.context);
    if (nodes_[i].closed) used.push_back(&nodes_[i].close_context);
  }
  scorer_.Keep(used);
  compact_contexts_at_ = std::max(kFewContexts, scorer_.contexts() * 2);
}

}  // namespace ctc
