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

void CheckOptions(const SearchOptions& options, size_t models) {
  auto fail = [](const std::string& what) { throw Error(what); };
  if (options.beam_width < 1 || options.beam_width > 1000000) {
    fail("beam_width must be from 1 to 1,000,000. Received: " + std::to_string(options.beam_width));
  }
  if (options.nbest < 1)
    fail("nbest must be at least 1. Received: " + std::to_string(options.nbest));
  if (!std::isfinite(options.alpha) || !std::isfinite(options.beta) ||
      !std::isfinite(options.trie_weight)) {
    fail("alpha, beta and trie_weight must be numbers, neither infinite nor NaN.");
  }
  if (std::isnan(options.beam_threshold) || options.beam_threshold < 0)
    fail("beam_threshold must not be negative.");
  if (std::isnan(options.token_threshold)) fail("token_threshold must be a log probability.");
  if (!std::isfinite(options.blank_penalty)) fail("blank_penalty must be a number.");
  if (!(options.cutoff_prob > 0 && options.cutoff_prob <= 1))
    fail("cutoff_prob must be above 0, at most 1.");
  if (options.cutoff_top_n < 0) fail("cutoff_top_n must not be negative.");
  if (!options.weights.empty() && options.weights.size() != models) {
    fail("weights must be as many as language models: " + std::to_string(models) +
         ". Received: " + std::to_string(options.weights.size()));
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
      scorer_(*model_, options_),
      spelled_(model_->spelled()) {
  size_t longest = 1;
  for (int symbol = 0; symbol < symbols_.size(); ++symbol) {
    longest = std::max(longest, symbols_.chars(symbol).size());
  }
  const bool unbounded = options_.alpha < 0 || options_.trie_weight < 0 ||
                         scoring_.unknown_score > 0 ||
                         std::any_of(options_.weights.begin(), options_.weights.end(),
                                     [](float weight) { return weight < 0; });
  const float once = std::max(options_.beta, 0.0f) + (hot_ ? hot_->most() : 0.0f);
  most_gain_ = unbounded ? std::numeric_limits<float>::infinity()
                         : once * static_cast<float>(longest) + 1e-3f;
  const bool lookahead = scoring_.partial_word == PartialWord::kLookahead;
  plain_ = model_->constrained() && !scoring_.token_lm &&
           (lookahead || scoring_.partial_word == PartialWord::kNone);
  for (int symbol = 0; spelled_ && symbol < symbols_.size(); ++symbol) {
    // A word begins behind the separator, or where another one ends.
    uint32_t word = kNoStart;
    if (symbols_.is_space(symbol)) {
      word = Lexicon::kRoot;
    } else if (!model_->separated()) {
      word = lexicon_->Child(Lexicon::kRoot, symbols_.single(symbol));
    }
    starts_word_.push_back(word);
  }
  for (int symbol = 0; plain_ && !spelled_ && symbol < symbols_.size(); ++symbol) {
    // A space can only come first, to begin a word.
    const std::vector<Char>& chars = symbols_.chars(symbol);
    uint32_t word = chars[0] == kSpace ? Lexicon::kRoot : kNoStart;
    for (size_t i = 1; i < chars.size(); ++i) {
      plain_ &= chars[i] != kSpace;
      if (word != kNoStart && word != Lexicon::kOff && plain_)
        word = lexicon_->Child(word, chars[i]);
    }
    starts_word_.push_back(word);
  }
  lookahead_weight_ = lookahead ? scorer_.unigram_weight() : 0.0f;
  plain_ &= lookahead_weight_ >= 0;
  if (spelled_ && !plain_) {
    throw Error(
        "Pronunciations need a scoring with lexicon constrain, partial_word none or lookahead and "
        "lm_unit word, and an alpha that is not negative.");
  }
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
  alternatives_.clear();
  free_alternatives_.clear();
  scorer_.TrimMemory();
  compact_times_at_ = kFewTimes;
  compact_contexts_at_ = kFewContexts;
  scale_ = base_ = 0;
  frame_ = 0;
  started_ = false;
  Language empty;
  empty.context = scorer_.start();
  if (hot_) empty.hot = hot_->start();
  const uint32_t root = MakeNode(kNone, -1, Lexicon::kNoWord, empty);
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
      if (row[c] < 0)
        fail("a probability is negative: logits or log probabilities instead of probabilities?");
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
      probs_[c] = log_probs_[c] > -80.0f ? std::exp(log_probs_[c])
                                         : std::exp(static_cast<double>(log_probs_[c]));
    }
  }
  if (options_.blank_penalty != 0) {
    log_probs_[symbols_.blank()] -= options_.blank_penalty;
    probs_[symbols_.blank()] *= std::exp(-static_cast<double>(options_.blank_penalty));
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
    if (place > 0 && (log_probs[c] < options_.token_threshold || sum >= options_.cutoff_prob))
      break;
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
      const double mass = (again       ? parent.blank
                           : max_merge ? std::max(parent.blank, parent.symbol)
                                       : parent.blank + parent.symbol) *
                          enter;
      now.symbol = max_merge ? std::max(now.symbol, mass) : now.symbol + mass;
      const bool symbol_ended = !again && parent.best_symbol > parent.best_blank;
      const float path =
          (symbol_ended ? parent.best_symbol : parent.best_blank) + enter_logs_[node.symbol];
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
    std::nth_element(sorted_.begin(), sorted_.begin() + (room - 1), sorted_.end(),
                     std::greater<float>());
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
    uint32_t node = FindChild(from.node, made.symbol, made.ended);
    if (node == kNone) node = MakeNode(from.node, made.symbol, made.ended, made.language);
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
    entry.best_symbol =
        (symbol_ended ? from.best_symbol : from.best_blank) + enter_logs_[made.symbol];
    entry.times_blank = kNone;
    entry.times_symbol = AddTime(from, symbol_ended);
    next_.push_back(entry);
  }
  beam_.swap(next_);
  if (options_.recombine) Recombine();
  for (uint32_t node : dropped) Release(node);
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

}  // namespace ctc
