#include "beam_search.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "error.h"

namespace ctc {
namespace {

constexpr float kImpossible = -std::numeric_limits<float>::infinity();
// Masses are brought back towards 1 when the largest falls below this; both are powers of 2.
constexpr double kSmallMass = 0x1p-64, kGrow = 0x1p64;
constexpr size_t kCompactTimes = 1 << 16, kCompactContexts = 1 << 17;
// pyctcdecode's usual length of a word, for the penalty of unknown ones.
constexpr float kUsualLength = 6.0f;

uint64_t Bit(int symbol) { return uint64_t{1} << (symbol & 63); }

void CheckOptions(const SearchOptions& options, size_t models) {
  auto fail = [](const std::string& what) { throw Error(what); };
  if (options.beam_width < 1 || options.beam_width > 1000000) {
    fail("beam_width must be from 1 to 1,000,000. Received: " + std::to_string(options.beam_width));
  }
  if (options.nbest < 1) fail("nbest must be at least 1. Received: " + std::to_string(options.nbest));
  if (!std::isfinite(options.alpha) || !std::isfinite(options.beta) || !std::isfinite(options.trie_weight)) {
    fail("alpha, beta and trie_weight must be numbers, neither infinite nor NaN.");
  }
  if (std::isnan(options.beam_threshold) || options.beam_threshold < 0) fail("beam_threshold must not be negative.");
  if (std::isnan(options.token_threshold)) fail("token_threshold must be a log probability.");
  if (!(options.cutoff_prob > 0 && options.cutoff_prob <= 1)) fail("cutoff_prob must be above 0, at most 1.");
  if (options.cutoff_top_n < 0) fail("cutoff_top_n must not be negative.");
  if (!options.weights.empty() && options.weights.size() != models) {
    fail("weights must be as many as language models: " + std::to_string(models) + ". Received: " +
         std::to_string(options.weights.size()));
  }
  for (float weight : options.weights) {
    if (!std::isfinite(weight)) fail("weights must be numbers, neither infinite nor NaN.");
  }
}

const SearchOptions& Checked(const SearchOptions& options, size_t models) {
  CheckOptions(options, models);
  return options;
}

}  // namespace

// Small masses are below what a float holds.
float BeamSearch::Log(double mass) {
  return mass > 1e-30 ? std::log(static_cast<float>(mass)) : static_cast<float>(std::log(mass));
}

BeamSearch::BeamSearch(std::shared_ptr<const Model> model, const SearchOptions& options,
                       std::shared_ptr<const HotWords> hot_words)
    : model_(std::move(model)),
      hot_(std::move(hot_words)),
      options_(Checked(options, model_->language_models().size())),
      scoring_(model_->scoring()),
      symbols_(model_->symbols()),
      lexicon_(model_->lexicon()),
      extra_(hot_ ? hot_->extra_words() : nullptr),
      trie_(model_->score_trie()),
      scorer_(*model_, options_) {
  size_t longest = 1;
  for (int symbol = 0; symbol < symbols_.size(); ++symbol) {
    longest = std::max(longest, symbols_.chars(symbol).size());
  }
  const bool unbounded = options_.alpha < 0 || options_.trie_weight < 0 || scoring_.unknown_score > 0 ||
                         std::any_of(options_.weights.begin(), options_.weights.end(),
                                     [](float weight) { return weight < 0; });
  const float once = std::max(options_.beta, 0.0f) + (hot_ ? hot_->most() : 0.0f);
  most_gain_ = unbounded ? std::numeric_limits<float>::infinity() : once * static_cast<float>(longest) + 1e-3f;
  const bool lookahead = scoring_.partial_word == PartialWord::kLookahead;
  plain_ = model_->constrained() && !scoring_.token_lm &&
           (lookahead || scoring_.partial_word == PartialWord::kNone);
  for (int symbol = 0; plain_ && symbol < symbols_.size(); ++symbol) {
    // A space can only come first, to begin a word.
    const std::vector<Char>& chars = symbols_.chars(symbol);
    uint32_t word = chars[0] == kSpace ? Lexicon::kRoot : kNoStart;
    for (size_t i = 1; i < chars.size(); ++i) {
      plain_ &= chars[i] != kSpace;
      if (word != kNoStart && word != Lexicon::kOff && plain_) word = lexicon_->Child(word, chars[i]);
    }
    starts_word_.push_back(word);
  }
  lookahead_weight_ = lookahead ? scorer_.unigram_weight() : 0.0f;
  plain_ &= lookahead_weight_ >= 0;
  cut_ = options_.token_threshold > kImpossible || options_.cutoff_prob < 1 ||
         (options_.cutoff_top_n > 0 && options_.cutoff_top_n <= symbols_.size());
  log_probs_.resize(symbols_.size() + 1);
  probs_.resize(symbols_.size() + 1);
  Reset();
}

void BeamSearch::Reset() {
  nodes_.clear();
  free_.clear();
  times_.clear();
  scorer_.TrimMemory();
  compact_times_at_ = kCompactTimes;
  compact_contexts_at_ = kCompactContexts;
  scale_ = base_ = 0;
  frame_ = 0;
  started_ = false;
  Language empty;
  empty.context = scorer_.start();
  if (hot_) empty.hot = hot_->start();
  const uint32_t root = MakeNode(kNone, -1, empty);
  if (scoring_.collapse_spaces) {
    // Spaces at the start lead back to the empty prefix.
    nodes_[root].ends_in_space = true;
    for (int symbol = 0; symbol < symbols_.size(); ++symbol) {
      if (symbols_.is_space(symbol)) nodes_[root].symbol = symbol;
    }
  }
  nodes_[root].active = 0;
  Entry start{};
  start.blank = 1;
  start.node = root;
  start.best_symbol = kImpossible;
  start.times_blank = start.times_symbol = kNone;
  beam_.assign(1, start);
}

void BeamSearch::Accept(const float* row, Inputs inputs) {
  const int classes = symbols_.size() + 1;
  float best = kImpossible;
  bool bad = false;
  for (int c = 0; c < classes; ++c) {
    bad |= !(row[c] < std::numeric_limits<float>::infinity());  // NaN too
    best = std::max(best, row[c]);
  }
  auto fail = [&](const std::string& what) {
    throw Error("Frame " + std::to_string(frame_) + ": " + what);
  };
  if (bad) fail("NaN or infinity among the network's outputs.");
  if (inputs == Inputs::kProbabilities) {
    double sum = 0;
    for (int c = 0; c < classes; ++c) {
      if (row[c] < 0) fail("a probability is negative: logits or log probabilities instead of probabilities?");
      sum += row[c];
      probs_[c] = row[c];
      log_probs_[c] = std::log(std::max(row[c], FLT_MIN));
    }
    if (sum > 1.01 || sum < 1e-6) {
      fail("the probabilities sum to " + std::to_string(sum) + " instead of 1.");
    }
  } else {
    if (best == kImpossible) fail("every symbol is impossible: all are -infinity.");
    if (inputs == Inputs::kLogProbs && best > 0.01f) {
      fail("a log probability is positive: logits instead of log probabilities?");
    }
    // Subtracted one after the other: the sum of a large and a small number loses the small one.
    float most = 0, shift = 0;
    if (inputs == Inputs::kLogits) {
      double sum = 0;
      for (int c = 0; c < classes; ++c) sum += std::exp(row[c] - best);
      most = best;
      shift = static_cast<float>(std::log(sum));
    }
    for (int c = 0; c < classes; ++c) {
      log_probs_[c] = (row[c] - most) - shift;
      probs_[c] = log_probs_[c] > -80.0f ? std::exp(log_probs_[c]) : std::exp(static_cast<double>(log_probs_[c]));
    }
  }
  Frame();
}

void BeamSearch::Frame() {
  if (!started_ && probs_[symbols_.blank()] >= scoring_.start_blank) {
    ++frame_;
    return;
  }
  started_ = true;
  enter_logs_ = log_probs_.data();
  enter_probs_ = probs_.data();
  if (cut_) {
    const std::vector<float> all_logs(log_probs_);
    const std::vector<double> all_probs(probs_);
    ChooseSymbols();
    chosen_logs_ = log_probs_;
    chosen_probs_ = probs_;
    if (scoring_.cut_entering_only) {
      log_probs_ = all_logs;
      probs_ = all_probs;
    }
    enter_logs_ = chosen_logs_.data();
    enter_probs_ = chosen_probs_.data();
    Stay();
    Extend();
    if (std::all_of(ranks_.begin(), ranks_.end(), [](float rank) { return rank == kImpossible; })) {
      // Nothing that was left can go on: the frame counts whole.
      log_probs_ = all_logs;
      probs_ = all_probs;
      enter_logs_ = log_probs_.data();
      enter_probs_ = probs_.data();
      Stay();
      Extend();
    }
  } else {
    Stay();
    Extend();
  }
  Select();
  Rescale();
  ++frame_;
  if (times_.size() > compact_times_at_) CompactTimes();
  if (scorer_.contexts() > compact_contexts_at_) CompactContexts();
}

// Makes all but the frame's best symbols impossible.
void BeamSearch::ChooseSymbols() {
  const int classes = symbols_.size() + 1;
  const std::vector<float> log_probs(log_probs_);
  const std::vector<double> probs(probs_);
  chosen_.resize(classes);
  for (int c = 0; c < classes; ++c) chosen_[c] = c;
  std::sort(chosen_.begin(), chosen_.end(), [&](int a, int b) {
    return log_probs[a] != log_probs[b] ? log_probs[a] > log_probs[b] : a < b;
  });
  std::fill(log_probs_.begin(), log_probs_.end(), kImpossible);
  std::fill(probs_.begin(), probs_.end(), 0.0);
  const int most = options_.cutoff_top_n > 0 ? std::min(options_.cutoff_top_n, classes) : classes;
  double sum = 0;
  for (int place = 0; place < most; ++place) {
    const int c = chosen_[place];
    if (place > 0 && (log_probs[c] < options_.token_threshold || sum >= options_.cutoff_prob)) break;
    sum += probs[c];
    log_probs_[c] = log_probs[c];
    probs_[c] = probs[c];
  }
}

// Every prefix by itself: a blank, its last symbol again, and what comes from its parent.
void BeamSearch::Stay() {
  const size_t size = beam_.size();
  next_.resize(size);
  parents_.resize(size);
  extensions_.assign(size, 0);
  ranks_.resize(size);
  lesser_.clear();
  bases_.resize(size);
  float worst_base = std::numeric_limits<float>::infinity();
  for (size_t i = 0; i < size; ++i) {
    const Node& node = nodes_[beam_[i].node];
    bases_[i] = beam_[i].total + static_cast<float>(node.language.score - base_);
    worst_base = std::min(worst_base, bases_[i]);
    parents_[i] = node.parent == kNone ? -1 : nodes_[node.parent].active;
    if (parents_[i] >= 0) extensions_[parents_[i]] |= Bit(node.symbol);
  }
  const double blank = probs_[symbols_.blank()];
  const float log_blank = log_probs_[symbols_.blank()];
  // Below this nothing goes from a prefix to any other, nor to itself.
  cutoff_ = kImpossible;
  if (scoring_.min_cutoff && size >= static_cast<size_t>(options_.beam_width)) {
    cutoff_ = worst_base + log_blank - std::max(options_.beta, 0.0f);
  }
  const bool max_merge = scoring_.max_merge;
  float best = kImpossible, worst = std::numeric_limits<float>::infinity();
  for (size_t i = 0; i < size; ++i) {
    const Entry& old = beam_[i];
    const Node& node = nodes_[old.node];
    Entry& now = next_[i];
    now.node = old.node;
    const float log_own = node.symbol >= 0 ? log_probs_[node.symbol] : kImpossible;
    const double own = node.symbol >= 0 && bases_[i] + log_own >= cutoff_ ? probs_[node.symbol] : 0;
    const double all = max_merge ? std::max(old.blank, old.symbol) : old.blank + old.symbol;
    now.blank = bases_[i] + log_blank >= cutoff_ ? all * blank : 0;
    now.symbol = (node.ends_in_space ? all : old.symbol) * own;

    const bool from_symbol = old.best_symbol > old.best_blank;
    now.best_blank = (from_symbol ? old.best_symbol : old.best_blank) + log_blank;
    now.times_blank = from_symbol ? old.times_symbol : old.times_blank;
    now.end_blank = from_symbol ? frame_ : old.end_blank;
    if (node.ends_in_space && !from_symbol) {
      now.best_symbol = old.best_blank + log_own;
      now.times_symbol = old.times_blank;
    } else {
      now.best_symbol = old.best_symbol + log_own;
      now.times_symbol = old.times_symbol;
    }
    if (parents_[i] >= 0 && bases_[parents_[i]] + enter_logs_[node.symbol] >= cutoff_) {
      const Entry& parent = beam_[parents_[i]];
      const double enter = enter_probs_[node.symbol];
      const Node& parent_node = nodes_[parent.node];
      const bool again = parent_node.symbol == node.symbol && !parent_node.ends_in_space;
      const double mass = (again        ? parent.blank
                           : max_merge ? std::max(parent.blank, parent.symbol)
                                       : parent.blank + parent.symbol) * enter;
      now.symbol = max_merge ? std::max(now.symbol, mass) : now.symbol + mass;
      const bool symbol_ended = !again && parent.best_symbol > parent.best_blank;
      const float path = (symbol_ended ? parent.best_symbol : parent.best_blank) + enter_logs_[node.symbol];
      if (path > now.best_symbol) {
        now.best_symbol = path;
        now.times_symbol = AddTime(parent, symbol_ended);
      }
    }
    now.total = Log(max_merge ? std::max(now.blank, now.symbol) : now.blank + now.symbol);
    now.rank = ranks_[i] = Rank(now.total, node.language);
    if (scoring_.separate_ends) {
      ranks_[i] = PartRank(now, std::max(now.blank, now.symbol));
      lesser_.push_back(PartRank(now, std::min(now.blank, now.symbol)));
    }
    best = std::max(best, ranks_[i]);
    worst = std::min(worst, ranks_[i]);
  }
  // A full beam stays full, so nothing that is below its worst can enter it.
  floor_ = best - options_.beam_threshold;
  if (std::isnan(floor_)) floor_ = kImpossible;
  if (size >= static_cast<size_t>(options_.beam_width)) floor_ = std::max(floor_, worst);
}

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
    if (enter_logs_[symbol] == kImpossible || best_base + enter_logs_[symbol] + most_gain_ < floor_) continue;
    (plain_ && starts_word_[symbol] != kNoStart ? starts_ : order_).push_back(symbol);
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
      const bool good = word != Lexicon::kOff && base + lookahead_weight_ * lexicon_->best(word) >= floor_;
      if (good || extra) Try(i, symbol);
    }
    if (starts_.empty() || bases_[i] + worth(starts_[0]) + most_gain_ < floor_) continue;
    float base = bases_[i] + hot;
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
void BeamSearch::Try(size_t from, int symbol) {
  const Entry& entry = beam_[from];
  const Node& node = nodes_[entry.node];
  if (bases_[from] + enter_logs_[symbol] < cutoff_) return;
  if (extensions_[from] & Bit(symbol)) {
    if (symbols_.size() <= 64) return;
    const uint32_t child = FindChild(entry.node, symbol);
    if (child != kNone && nodes_[child].active >= 0) return;
  }
  Candidate made;
  made.total = entry.total;
  made.mass = scoring_.max_merge ? std::max(entry.blank, entry.symbol) : entry.blank + entry.symbol;
  if (node.ends_in_space) {
    if (symbols_.is_space(symbol)) return;  // the same prefix
  } else if (symbol == node.symbol) {  // only a blank between makes it another symbol
    if (!(entry.blank > 0)) return;
    made.mass = entry.blank;
    made.total = Log(entry.blank);
    if (made.total + (bases_[from] - entry.total) + enter_logs_[symbol] + most_gain_ < floor_) return;
  }
  made.total += enter_logs_[symbol];
  made.mass *= enter_probs_[symbol];
  if (!(made.mass > 0) || !Step(entry.node, symbol, &made.language)) return;
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

// The beam of the next frame.
void BeamSearch::Select() {
  const size_t stays = next_.size(), all = ranks_.size();
  float best = kImpossible;
  for (float rank : ranks_) best = std::max(best, rank);
  if (best == kImpossible) return;  // no hypothesis can go on: the frame changes nothing
  float cut = best - options_.beam_threshold;
  if (std::isnan(cut) || !(cut > -FLT_MAX)) cut = -FLT_MAX;
  size_t room = static_cast<size_t>(options_.beam_width), ties = all;
  if (all + lesser_.size() > room) {
    sorted_.assign(ranks_.begin(), ranks_.end());
    sorted_.insert(sorted_.end(), lesser_.begin(), lesser_.end());
    std::nth_element(sorted_.begin(), sorted_.begin() + (room - 1), sorted_.end(), std::greater<float>());
    const float last = sorted_[room - 1];
    if (last >= cut) {
      cut = last;
      size_t above = 0;
      for (float rank : ranks_) above += rank > cut;
      for (float rank : lesser_) above += rank > cut;
      ties = room - above;
    }
  }
  auto keep = [&](float rank) {
    if (rank > cut) return true;
    if (rank < cut || ties == 0) return false;
    --ties;
    return true;
  };
  std::vector<uint32_t>& dropped = free_later_;
  dropped.clear();
  size_t size = 0;
  for (size_t i = 0; i < stays; ++i) {
    if (keep(ranks_[i])) {
      nodes_[next_[i].node].active = static_cast<int32_t>(size);
      next_[size] = next_[i];
      if (scoring_.separate_ends && !keep(lesser_[i])) DropLesser(&next_[size]);
      ++size;
    } else {
      nodes_[next_[i].node].active = -1;
      dropped.push_back(next_[i].node);
    }
  }
  next_.resize(size);
  for (size_t i = stays; i < all; ++i) {
    if (!keep(ranks_[i])) continue;
    const Candidate& made = candidates_[i - stays];
    const Entry& from = beam_[made.from];
    uint32_t node = FindChild(from.node, made.symbol);
    if (node == kNone) node = MakeNode(from.node, made.symbol, made.language);
    nodes_[node].active = static_cast<int32_t>(next_.size());
    Entry entry{};
    entry.symbol = made.mass;
    entry.total = made.total;
    entry.rank = ranks_[i];
    entry.node = node;
    const Node& parent = nodes_[from.node];
    const bool again = made.symbol == parent.symbol && !parent.ends_in_space;
    const bool symbol_ended = !again && from.best_symbol > from.best_blank;
    entry.best_blank = kImpossible;
    entry.best_symbol = (symbol_ended ? from.best_symbol : from.best_blank) + enter_logs_[made.symbol];
    entry.times_blank = kNone;
    entry.times_symbol = AddTime(from, symbol_ended);
    next_.push_back(entry);
  }
  beam_.swap(next_);
  if (options_.recombine) Recombine();
  for (uint32_t node : dropped) Release(node);
}

// Of prefixes that have the same future, keeps those that no other one surpasses.
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
    key = (key ^ (uint64_t{language.hot} << 20) ^ static_cast<uint32_t>(mine.symbol)) * 0x9E3779B97F4A7C15u;
    for (size_t slot = (key >> 32) & (slots - 1);; slot = (slot + 1) & (slots - 1)) {
      if (places_[slot] < 0) {
        places_[slot] = static_cast<int32_t>(i);
        break;
      }
      Entry& other = beam_[places_[slot]];
      const Node& theirs = nodes_[other.node];
      const Language& same = theirs.language;
      if (same.context != language.context || same.word != language.word || same.extra != language.extra ||
          same.hot != language.hot || theirs.symbol != mine.symbol || theirs.ends_in_space != mine.ends_in_space) {
        continue;
      }
      const double worth = std::exp(language.score - same.score);  // of my mass, in theirs
      const Entry& me = beam_[i];
      if (me.blank * worth <= other.blank && me.symbol * worth <= other.symbol) {
        nodes_[me.node].active = -1;
        any = true;
        break;
      }
      if (me.blank * worth >= other.blank && me.symbol * worth >= other.symbol) {
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
      } else if (model_->constrained() && !scoring_.collapse_spaces && symbols_.chars(symbol).size() == 1) {
        return false;  // no word begins with a space
      }
      out->word = out->extra = out->trie = Lexicon::kRoot;
      out->partial_length = 0;
    } else {
      if (lexicon_ && out->word != Lexicon::kOff) out->word = lexicon_->Child(out->word, next);
      if (extra_ && out->extra != Lexicon::kOff) out->extra = extra_->Child(out->extra, next);
      const bool off = lexicon_ && out->word == Lexicon::kOff && (!extra_ || out->extra == Lexicon::kOff);
      if (off && model_->constrained()) return false;
      if (scoring_.partial_word == PartialWord::kTrie && trie_) {
        if (out->trie != Lexicon::kOff) out->trie = trie_->Child(out->trie, next);
        out->score += options_.trie_weight *
                      (out->trie == Lexicon::kOff ? scoring_.partial_score : trie_->worst(out->trie));
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
  uint32_t word = Lexicon::kNoWord;
  if (lexicon_ && language.word != Lexicon::kOff) word = lexicon_->word(language.word);
  *closable = word != Lexicon::kNoWord || !model_->constrained() ||
              (extra_ && language.extra != Lexicon::kOff && extra_->word(language.extra) != Lexicon::kNoWord);
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
  float ahead = hot_ ? hot_->lent(language.hot) : 0.0f;
  if (language.partial_length == 0 || scoring_.token_lm) return ahead;
  const bool off = !lexicon_ || language.word == Lexicon::kOff;
  if (scoring_.partial_word == PartialWord::kLookahead) {
    if (lexicon_) ahead += off ? scorer_.unknown_score() : scorer_.unigram_weight() * lexicon_->best(language.word);
  } else if (scoring_.partial_word == PartialWord::kUnknown && off) {
    ahead += scoring_.partial_score * std::max(1.0f, static_cast<float>(language.partial_length) / kUsualLength);
  }
  return ahead;
}

uint32_t BeamSearch::MakeNode(uint32_t parent, int symbol, const Language& language) {
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
  node.active = -1;
  node.children = 0;
  node.ends_in_space = scoring_.collapse_spaces && symbol >= 0 && symbols_.is_space(symbol);
  node.closable = node.closed = false;
  if (parent != kNone) {
    Node& above = nodes_[parent];
    node.next = above.first_child;
    if (node.next != kNone) nodes_[node.next].previous = made;
    above.first_child = made;
    above.children |= Bit(symbol);
  }
  return made;
}

uint32_t BeamSearch::FindChild(uint32_t parent, int symbol) const {
  if (!(nodes_[parent].children & Bit(symbol))) return kNone;
  uint32_t child = nodes_[parent].first_child;
  while (child != kNone && nodes_[child].symbol != symbol) child = nodes_[child].next;
  return child;
}

// Frees a node that is not in the beam and leads nowhere, and its ancestors of that kind.
void BeamSearch::Release(uint32_t released) {
  while (true) {
    Node& node = nodes_[released];
    if (node.active >= 0 || node.first_child != kNone || node.parent == kNone) return;
    const uint32_t parent = node.parent;
    Node& above = nodes_[parent];
    if (node.previous != kNone) nodes_[node.previous].next = node.next;
    else above.first_child = node.next;
    if (node.next != kNone) nodes_[node.next].previous = node.previous;
    above.children = 0;
    for (uint32_t child = above.first_child; child != kNone; child = nodes_[child].next) {
      above.children |= Bit(nodes_[child].symbol);
    }
    node.parent = kNone;
    node.closed = false;
    free_.push_back(released);
    released = parent;
  }
}

uint32_t BeamSearch::AddTime(const Entry& from, bool symbol_ended) {
  times_.push_back({symbol_ended ? from.times_symbol : from.times_blank,
                    symbol_ended ? frame_ : from.end_blank, frame_});
  return static_cast<uint32_t>(times_.size() - 1);
}

void BeamSearch::Rescale() {
  double most = 0;
  float best_path = kImpossible;
  size_t leader = 0;
  for (size_t i = 0; i < beam_.size(); ++i) {
    const Entry& entry = beam_[i];
    most = std::max(most, std::max(entry.blank, entry.symbol));
    best_path = std::max(best_path, std::max(entry.best_blank, entry.best_symbol));
    if (entry.rank > beam_[leader].rank) leader = i;
  }
  while (most > 0 && most < kSmallMass) {
    for (Entry& entry : beam_) {
      entry.blank *= kGrow;
      entry.symbol *= kGrow;
      entry.total += static_cast<float>(std::log(kGrow));
    }
    most *= kGrow;
    scale_ += std::log(kGrow);
  }
  if (best_path < -64.0f) {
    for (Entry& entry : beam_) {
      entry.best_blank -= best_path;
      entry.best_symbol -= best_path;
    }
  }
  const double score = nodes_[beam_[leader].node].language.score;
  if (std::abs(score - base_) > 64) base_ = score;
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
  compact_times_at_ = std::max(kCompactTimes, times_.size() * 2);
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
  compact_contexts_at_ = std::max(kCompactContexts, scorer_.contexts() * 2);
}

}  // namespace ctc
