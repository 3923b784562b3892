#include "lm_scorer.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace ctc {
namespace {

constexpr uint64_t kEmpty = ~uint64_t{0};
constexpr size_t kSmallestTable = 1024;
// Beyond this the memory of one utterance is not handed on to the next.
constexpr size_t kMostContexts = 200000;

uint64_t Mix(uint64_t x) {
  x ^= x >> 32;
  x *= 0x9E3779B97F4A7C15u;
  x ^= x >> 29;
  x *= 0xBF58476D1CE4E5B9u;
  return x ^ (x >> 32);
}

}  // namespace

LmScorer::LmScorer(const Model& model, const SearchOptions& options)
    : model_(model),
      scoring_(model.scoring()),
      models_(model.language_models().size()),
      stride_(std::max<size_t>(models_, 1)),
      unit_(scoring_.natural_unit ? std::log(10.0f) : 1.0f),
      beta_(options.beta) {
  float sum = 0;
  int order = 1;
  for (size_t i = 0; i < models_; ++i) {
    const float weight = options.weights.empty() ? 1.0f : options.weights[i];
    weights_.push_back(options.alpha * weight);
    sum += options.alpha * weight;
    order = std::max(order, model.language_models()[i]->order());
  }
  unigram_weight_ = sum * unit_;
  unknown_ = sum * (scoring_.unknown == Unknown::kModel ? -10.0f : scoring_.unknown_score);
  if (scoring_.unknown_in_window) max_window_ = order - 1;
  scratch_.resize(stride_);
  std::memset(scratch_.data(), 0, scratch_.size() * sizeof(LmState));
  for (size_t i = 0; i < models_; ++i) {
    const LanguageModel& lm = *model.language_models()[i];
    scratch_[i] = scoring_.begin_of_sentence ? lm.begin() : lm.null();
  }
  TrimMemory();
  std::vector<LmState> first(scratch_);
  Intern(first.data(), 0);
}

void LmScorer::TrimMemory() {
  if (!index_.empty() && contexts() <= kMostContexts) return;
  std::vector<LmState> first;
  if (!states_.empty()) first.assign(states_.begin(), states_.begin() + stride_);
  states_.clear();
  windows_.clear();
  RebuildIndex(kSmallestTable);
  cache_.assign(kSmallestTable, Entry{kEmpty, {}});
  cached_ = 0;
  if (!first.empty()) Intern(first.data(), 0);
}

LmScorer::Scored LmScorer::Word(uint32_t context, uint32_t word) {
  if (models_ == 0) return {beta_, 0};
  const uint64_t key = (uint64_t{context} << 32) | word;
  size_t slot = Mix(key) & (cache_.size() - 1);
  while (cache_[slot].key != kEmpty) {
    if (cache_[slot].key == key) return cache_[slot].value;
    slot = (slot + 1) & (cache_.size() - 1);
  }
  const Scored value = Compute(context, word, nullptr);
  cache_[slot] = {key, value};
  if (++cached_ * 2 > cache_.size()) GrowCache();
  return value;
}

LmScorer::Scored LmScorer::Compute(uint32_t context, uint32_t word, std::vector<float>* parts) {
  const int window = windows_[context];
  int next_window = std::max(window - 1, 0);
  float total = beta_;
  for (size_t i = 0; i < models_; ++i) {
    const LanguageModel& lm = *model_.language_models()[i];
    const WordId id = model_.word_id(i, word);
    float score = unit_ * lm.Score(State(context)[i], id, &scratch_[i]);
    const bool unknown = id == 0;
    if (unknown) next_window = max_window_;
    if (unknown || window > 0) {
      if (scoring_.unknown == Unknown::kReplace) score = scoring_.unknown_score;
      if (scoring_.unknown == Unknown::kAdd) score += scoring_.unknown_score;
    }
    total += weights_[i] * score;
    if (parts) (*parts)[i] += score;
  }
  return {total, Intern(scratch_.data(), static_cast<uint8_t>(next_window))};
}

float LmScorer::End(uint32_t context) {
  std::vector<float> scores(models_, 0.0f);
  EndParts(context, &scores);
  float total = 0;
  for (size_t i = 0; i < models_; ++i) total += weights_[i] * scores[i];
  return total;
}

uint32_t LmScorer::Parts(uint32_t context, uint32_t word, std::vector<float>* scores) {
  return models_ ? Compute(context, word, scores).context : 0;
}

void LmScorer::EndParts(uint32_t context, std::vector<float>* scores) {
  if (!scoring_.end_of_sentence) return;
  for (size_t i = 0; i < models_; ++i) {
    const LanguageModel& lm = *model_.language_models()[i];
    (*scores)[i] += unit_ * lm.Score(State(context)[i], lm.end_of_sentence(), &scratch_[i]);
  }
}

uint64_t LmScorer::Hash(const LmState* states, uint8_t window) const {
  uint64_t hash = window;
  for (size_t i = 0; i < stride_; ++i) {
    for (size_t at = 0; at < sizeof(LmState); at += 8) {
      uint64_t part;
      std::memcpy(&part, states[i].bytes + at, 8);
      hash = (hash ^ part) * 0x9E3779B97F4A7C15u;
      hash ^= hash >> 31;
    }
  }
  return Mix(hash);
}

uint32_t LmScorer::Intern(const LmState* states, uint8_t window) {
  size_t slot = Hash(states, window) & (index_.size() - 1);
  while (index_[slot]) {
    const uint32_t context = index_[slot] - 1;
    if (windows_[context] == window &&
        std::memcmp(State(context), states, stride_ * sizeof(LmState)) == 0) {
      return context;
    }
    slot = (slot + 1) & (index_.size() - 1);
  }
  const uint32_t context = static_cast<uint32_t>(windows_.size());
  states_.insert(states_.end(), states, states + stride_);
  windows_.push_back(window);
  index_[slot] = context + 1;
  if (windows_.size() * 2 > index_.size()) RebuildIndex(index_.size() * 2);
  return context;
}

void LmScorer::RebuildIndex(size_t size) {
  index_.assign(size, 0);
  for (uint32_t context = 0; context < windows_.size(); ++context) {
    size_t slot = Hash(State(context), windows_[context]) & (size - 1);
    while (index_[slot]) slot = (slot + 1) & (size - 1);
    index_[slot] = context + 1;
  }
}

void LmScorer::GrowCache() {
  std::vector<Entry> old(cache_.size() * 2, Entry{kEmpty, {}});
  old.swap(cache_);
  for (const Entry& entry : old) {
    if (entry.key == kEmpty) continue;
    size_t slot = Mix(entry.key) & (cache_.size() - 1);
    while (cache_[slot].key != kEmpty) slot = (slot + 1) & (cache_.size() - 1);
    cache_[slot] = entry;
  }
}

void LmScorer::Keep(const std::vector<uint32_t*>& contexts) {
  std::vector<LmState> states;
  states.swap(states_);
  std::vector<uint8_t> windows;
  windows.swap(windows_);
  RebuildIndex(kSmallestTable);
  cache_.assign(kSmallestTable, Entry{kEmpty, {}});
  cached_ = 0;
  Intern(&states[0], windows[0]);  // the start keeps its number
  for (uint32_t* context : contexts) {
    const size_t old = *context;
    *context = Intern(&states[old * stride_], windows[old]);
  }
}

}  // namespace ctc
