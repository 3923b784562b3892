// CTC prefix beam search with language models, frame by frame.
//
// A hypothesis is a prefix: a sequence of symbols. For each prefix in the beam the search keeps
// the probability of all alignments (or of the best one) that end in a blank, and of those that
// end in its last symbol (A. Hannun et al., "First-pass large vocabulary continuous speech
// recognition using bi-directional recurrent DNNs", arXiv:1408.2873; A. Graves, ICML 2006).
// What language models, lexicon and hot words add depends on the prefix alone, so acoustic
// probability and language score are kept apart.
//
// Prefixes are nodes of a tree. A prefix is reached only from itself and from its parent, so
// masses meet without any search: each beam entry knows whether its parent is in the beam.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "hot_words.h"
#include "lm_scorer.h"
#include "model.h"
#include "scoring.h"

namespace ctc {

struct TokenTime {
  int symbol;
  int start, end;  // frames; end is the first frame after it
  uint32_t ended = Lexicon::kNoWord;  // pronunciations: the spelling that ended before it
};

struct TimedWord {
  std::string text;
  int start, end;
  float confidence;
};

struct Hypothesis {
  std::string text;
  double score = 0, acoustic = 0;
  std::vector<float> lm_scores;  // of each model, unweighted, in the unit
  int bonus_count = 0;
  float boost = 0;
  std::vector<TokenTime> tokens;
  std::vector<TimedWord> words;
};

class BeamSearch {
 public:
  // The model and the hot words (may be null) are shared and must not change.
  // Raises: Error for options that make no sense.
  BeamSearch(std::shared_ptr<const Model> model, const SearchOptions& options,
             std::shared_ptr<const HotWords> hot_words);

  // One more frame: a row of the network's output, all symbols and the blank.
  // Raises: Error for NaN, +infinity, or a frame in which nothing is possible.
  void Accept(const float* row, Inputs inputs);

  // The best text so far, the part of it that no later frame can change, and its words; their
  // confidence is not known yet.
  void Partial(std::string* text, std::string* stable, std::vector<TimedWord>* words);
  // How much more probable (natural log) the best prefix is than the best one that may end here:
  // whose last word is a word. Infinite where there is none.
  double EndCost();
  // The best hypotheses as if the utterance ended here, best first.
  std::vector<Hypothesis> Finish();
  // Ready for another utterance.
  void Reset();

  int frames() const { return frame_; }
  int beam_size() const { return static_cast<int>(beam_.size()); }

 private:
  static constexpr uint32_t kNone = 0xFFFFFFFFu;
  // Below these sizes memory is not tidied up.
  static constexpr size_t kFewTimes = 1 << 16, kFewContexts = 1 << 17;

  // What a prefix is worth, apart from the sound.
  struct Language {
    double score = 0;                // for good
    float ahead = 0;                 // in the ranking only: unfinished words and loans of hot words
    uint32_t context = 0;            // LmScorer's
    uint32_t word = Lexicon::kRoot;  // where the unfinished word stands in the lexicon,
    uint32_t extra = Lexicon::kRoot;  // in the hot words that the lexicon lacks,
    uint32_t trie = Lexicon::kRoot;   // in the trie of PartialWord::kTrie
    uint32_t hot = 0;
    uint32_t partial_length = 0;  // characters of the unfinished word
  };
  struct Node {
    Language language;
    uint32_t parent, first_child, previous, next;  // siblings are a list
    int32_t symbol;
    uint32_t ended;         // pronunciations: the spelling that this symbol ended, or kNoWord
    int32_t active;         // place in the beam, or -1
    uint64_t children;      // bit (symbol % 64): whether some child has such a symbol
    uint32_t alternatives;  // first of the list, or kNone
    uint32_t pins;          // lists that this node is in
    bool ends_in_space;
    // The score of ending the unfinished word here, once it has been asked for.
    bool closable, closed;
    float close_score;
    uint32_t close_context;
  };
  // One prefix in the beam. The masses are probabilities, all scaled alike.
  struct Entry {
    double blank, symbol;  // of alignments that end in a blank, in the last symbol
    float total;           // log(blank + symbol)
    float rank;
    uint32_t node;
    // The best alignment (log) of either kind, and where its symbols lie.
    float best_blank, best_symbol;
    uint32_t times_blank, times_symbol;
    int32_t end_blank;  // first frame after the last symbol, in the alignment that ends in a blank
  };
  struct Candidate {
    uint32_t from;
    int32_t symbol;
    uint32_t ended;
    float total;
    double mass;
    Language language;
  };
  // The symbols of an alignment, last one first.
  struct TimeNode {
    uint32_t previous;
    int32_t previous_end;  // first frame after the symbol before
    int32_t start;
  };
  // A prefix that was recombined with another one, and how much less it is worth (natural log).
  struct Alternative {
    uint32_t node;   // kNone: the place is free
    uint32_t times;  // of its best alignment; the first frame after its last symbol
    int32_t end;
    int32_t frame;  // when it was recombined: what came after the survivor earlier is not its own
    float acoustic, language;
    uint32_t next;
  };
  // One of the words that an unfinished spelling may be, and the score of its end.
  struct Ending {
    uint32_t spelling;
    float score;
    uint32_t context;
  };
  // A hypothesis at the end of the utterance.
  struct Final {
    Entry entry;  // whose best alignment gives the times
    std::string text;
    double acoustic, language;
    bool complete;
    bool empty_word;  // an unknown empty word is counted at the end
    float lowest;     // pyctcdecode: rank of its weakest part
    uint32_t ending = Lexicon::kNoWord;  // pronunciations: the spelling of its last word
    double score() const { return acoustic + language; }
  };
  struct Path;

  void Frame();
  void ChooseSymbols();
  void Stay();
  void Extend();
  void ExtendWords();
  void RaiseFloor();
  void Select();
  void Recombine();
  void AddAlternative(const Entry& survivor, const Entry& other);
  void DropAlternative(uint32_t node, uint32_t dropped);
  void DropLesser(Entry* entry);
  void Try(size_t from, int symbol, const Ending* ending = nullptr);
  bool Step(uint32_t node, int symbol, Language* out);
  // pronunciations.cc
  void FindEndings(const Language& language);
  const Ending* BestEnding(const Language& language);
  void EndWord(const Ending& ending, Language* language) const;
  bool StepSpelled(uint32_t node, int symbol, const Ending* ending, Language* out) const;
  void AddSpelledFinals(Final made, std::vector<Final>* finals);
  std::string SpelledText(uint32_t node, uint32_t last) const;
  void DescribeSpelled(const std::vector<TokenTime>& tokens, uint32_t last, Hypothesis* out) const;
  void SplitSpelledScore(const std::vector<TokenTime>& tokens, uint32_t last, Hypothesis* out);
  bool CloseWord(Node* node);
  LmScorer::Scored ClosingScore(const Language& language, bool* closable);
  float Ahead(const Language& language) const;
  float Rank(float total, const Language& language) const {
    return total + static_cast<float>(language.score - base_) + language.ahead;
  }
  uint32_t MakeNode(uint32_t parent, int symbol, uint32_t ended, const Language& language);
  uint32_t FindChild(uint32_t parent, int symbol, uint32_t ended) const;
  void Release(uint32_t node);
  uint32_t AddTime(const Entry& from, bool symbol_ended);
  void Rescale();
  void CompactTimes();
  void CompactContexts();

  std::vector<Final> Finals();
  std::vector<Path> BestPaths(const std::vector<Final>& finals) const;
  std::vector<TokenTime> TokensOf(const Entry& entry, const std::vector<uint32_t>& switches) const;
  void Describe(const std::vector<TokenTime>& tokens, Hypothesis* out) const;
  void SplitScore(const std::vector<TokenTime>& tokens, bool empty_word, Hypothesis* out);
  float LastWordScore(uint32_t node);
  float PartRank(const Entry& entry, double mass) const;
  float WeakestPart() const;
  static float Log(double mass);
  static uint64_t Bit(int symbol) { return uint64_t{1} << (symbol & 63); }
  bool IsAlternative(uint32_t node, uint32_t wanted) const;
  std::string TextOf(uint32_t node) const;
  std::string FinalText(const std::string& raw, bool complete) const;

  std::shared_ptr<const Model> model_;
  std::shared_ptr<const HotWords> hot_;
  SearchOptions options_;
  const Scoring& scoring_;
  const Symbols& symbols_;
  const Lexicon* lexicon_;
  const Lexicon* extra_;
  const Lexicon* trie_;
  LmScorer scorer_;
  float most_gain_;  // the most that an extension can add to a rank, apart from the sound
  // The fast path: words out of a lexicon. For each symbol the place in the lexicon after it when
  // it begins a word; kNoStart for those that go on.
  static constexpr uint32_t kNoStart = 0xFFFFFFFEu;
  bool plain_;
  const bool spelled_;  // words have pronunciations
  std::vector<uint32_t> starts_word_;
  float lookahead_weight_;

  std::vector<Node> nodes_;
  std::vector<uint32_t> free_, free_later_;
  std::vector<Alternative> alternatives_;
  std::vector<uint32_t> free_alternatives_;
  std::vector<Entry> beam_, next_;
  std::vector<int32_t> parents_;      // beam place of each entry's parent, or -1
  std::vector<uint64_t> extensions_;  // like Node::children, of children in the beam
  std::vector<Candidate> candidates_;
  std::vector<float> ranks_, sorted_;
  std::vector<float> lesser_;    // separate_ends: rank of each entry's less probable half
  std::vector<int32_t> places_;  // Recombine's hash table of beam places
  std::vector<TimeNode> times_;
  size_t compact_times_at_, compact_contexts_at_;
  std::vector<float> bases_;                    // of each entry: its rank without what lies ahead
  std::vector<int> order_, starts_, chosen_;    // symbols worth trying in this frame
  std::vector<float> log_probs_, chosen_logs_;  // of the frame
  std::vector<double> probs_, chosen_probs_;
  const float* enter_logs_ = nullptr;  // of the symbols that may make a prefix longer
  const double* enter_probs_ = nullptr;
  bool cut_;
  float cutoff_ = 0;
  std::vector<Ending> endings_;    // FindEndings's
  std::vector<uint32_t> entries_;  // of the beam, in the order in which they are tried
  float floor_ = 0;
  size_t refresh_at_ = 0;
  double scale_ = 0;  // log of what all masses were multiplied with
  double base_ = 0;   // of the language scores, so that ranks keep their digits
  int frame_ = 0;     // frames seen
  bool started_ = false;
};

}  // namespace ctc
