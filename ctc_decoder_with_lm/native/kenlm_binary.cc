#include "kenlm_binary.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

#include "error.h"
#include "language_model.h"
#include "lm/model.hh"

namespace ctc {
namespace {

namespace ngram = lm::ngram;

constexpr char kMagic[] = "mmap lm http://kheafield.com/code format version 5\n\0";
constexpr std::string_view kAnyVersion = "mmap lm http://kheafield.com/code format version";
constexpr std::string_view kUnfinished = "mmap lm http://kheafield.com/code incomplete\n";
// The magic, padded to 8 bytes; 0, 1, -0.5 as floats; 1, the largest and 0 as 32-bit integers;
// 1 as a 64-bit integer.
constexpr std::size_t kTestValues = (sizeof(kMagic) + 7) / 8 * 8;
constexpr std::size_t kSanity = kTestValues + 32;
// Order (1 byte), multiplier, type, whether words are stored (1 byte), version: 4 bytes each.
constexpr std::size_t kFixed = 20;
static_assert(sizeof(ngram::FixedWidthParameters) == kFixed);
static_assert(KENLM_MAX_ORDER == LanguageModel::kMaxOrder);
// A larger multiplier than anybody uses; the file's size limits what it can do.
constexpr float kLargestMultiplier = 1000;

template <class T>
T At(std::string_view bytes, uint64_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

[[noreturn]] void Damaged(const std::string& what) {
  throw Error("The KenLM binary is damaged: " + what + ".");
}

void CheckTestValues(std::string_view bytes) {
  if (bytes.substr(0, kUnfinished.size()) == kUnfinished) {
    throw Error("The KenLM binary is unfinished: build_binary was interrupted. Build it again.");
  }
  if (bytes.size() < kSanity + kFixed) Damaged("the file ends within its header");
  if (std::memcmp(bytes.data(), kMagic, sizeof(kMagic) - 1) != 0) {
    throw Error(
        "The KenLM binary is not of version 5, the only one that can be read. Build it again "
        "from its ARPA file with a build_binary of this decade.");
  }
  const uint64_t one = At<uint64_t>(bytes, kTestValues + 24);
  if (one == uint64_t{1} << 56) {
    throw Error(
        "The KenLM binary was built on a machine of the other byte order. Build it again here "
        "from its ARPA file.");
  }
  const float floats[] = {0.0f, 1.0f, -0.5f};
  const uint32_t integers[] = {1, ~uint32_t{0}, 0};
  if (one != 1 || std::memcmp(bytes.data() + kTestValues, floats, 12) != 0 ||
      std::memcmp(bytes.data() + kTestValues + 12, integers, 12) != 0) {
    throw Error(
        "The KenLM binary's header is damaged, or was written by another kind of machine. "
        "Build it again here from its ARPA file.");
  }
}

template <class Model>
uint64_t TotalSize(const std::vector<uint64_t>& counts, const ngram::Config& config) {
  return Model::Size(counts, config);
}

uint64_t TotalSize(int type, const std::vector<uint64_t>& counts, const ngram::Config& config) {
  switch (type) {
    case ngram::PROBING: return TotalSize<ngram::ProbingModel>(counts, config);
    case ngram::REST_PROBING: return TotalSize<ngram::RestProbingModel>(counts, config);
    case ngram::TRIE: return TotalSize<ngram::TrieModel>(counts, config);
    case ngram::QUANT_TRIE: return TotalSize<ngram::QuantTrieModel>(counts, config);
    case ngram::ARRAY_TRIE: return TotalSize<ngram::ArrayTrieModel>(counts, config);
    default: return TotalSize<ngram::QuantArrayTrieModel>(counts, config);
  }
}

// A search in a hash table ends at an empty place (its key is 0), so there must be one.
void CheckHasEmptyPlace(std::string_view table, std::size_t place) {
  for (std::size_t at = 0; at + place <= table.size(); at += place) {
    if (At<uint64_t>(table, at) == 0) return;
  }
  Damaged("a hash table is full");
}

// The vocabulary of the two hash table types: a version, the number of words, a hash table.
uint64_t CheckHashedWords(std::string_view words, uint64_t unigrams) {
  if (At<uint32_t>(words, 0) != 0) Damaged("the version of its vocabulary is unknown");
  const uint64_t count = At<uint32_t>(words, 4);
  if (count < 1 || count > unigrams + 1) Damaged("its number of words is wrong");
  const std::string_view table = words.substr(8);
  CheckHasEmptyPlace(table, sizeof(ngram::ProbingVocabularyEntry));
  for (std::size_t at = 0; at + 12 <= table.size(); at += 12) {
    if (At<uint32_t>(table, at + 8) >= count) Damaged("a word has too large a number");
  }
  return count;
}

template <class Value>
void CheckHashTables(std::string_view search, const std::vector<uint64_t>& counts,
                     float multiplier) {
  using Middle = util::ProbingHashTable<typename Value::ProbingEntry, util::IdentityHash>;
  using Longest = util::ProbingHashTable<ngram::detail::ProbEntry, util::IdentityHash>;
  uint64_t at = (counts[0] + 1) * sizeof(typename Value::Weights);
  for (std::size_t order = 2; order < counts.size(); ++order) {
    const uint64_t size = Middle::Size(counts[order - 1], multiplier);
    CheckHasEmptyPlace(search.substr(at, size), sizeof(typename Middle::Entry));
    at += size;
  }
  CheckHasEmptyPlace(search.substr(at, Longest::Size(counts.back(), multiplier)),
                     sizeof(typename Longest::Entry));
}

// A word's bigrams lie between its pointer and the next word's.
void CheckUnigramPointers(std::string_view unigrams, const std::vector<uint64_t>& counts) {
  uint64_t before = 0;
  for (uint64_t word = 0; word <= counts[0]; ++word) {
    const uint64_t offset = word * sizeof(ngram::trie::UnigramValue);
    const uint64_t next =
        At<uint64_t>(unigrams, offset + offsetof(ngram::trie::UnigramValue, next));
    if (next < before || next > counts[1]) Damaged("a word's bigrams are out of place");
    before = next;
  }
}

void CheckBits(int bits) {
  if (bits < 1 || bits > 25) Damaged("it is quantised with " + std::to_string(bits) + " bits");
}

}  // namespace

bool IsKenlmBinary(std::string_view bytes) {
  return bytes.substr(0, kAnyVersion.size()) == kAnyVersion ||
         bytes.substr(0, kUnfinished.size()) == kUnfinished;
}

KenlmBinary CheckKenlmBinary(std::string_view bytes) {
  CheckTestValues(bytes);
  const int order = At<uint8_t>(bytes, kSanity);
  const float multiplier = At<float>(bytes, kSanity + 4);
  const uint32_t type = At<uint32_t>(bytes, kSanity + 8);
  const int has_words = At<uint8_t>(bytes, kSanity + 12);
  const uint32_t version = At<uint32_t>(bytes, kSanity + 16);
  if (order < 2) Damaged("its order is " + std::to_string(order));
  if (order > KENLM_MAX_ORDER) {
    throw Error("The KenLM binary has n-grams of order " + std::to_string(order) +
                "; at most " + std::to_string(KENLM_MAX_ORDER) + " can be read.");
  }
  if (type > ngram::QUANT_ARRAY_TRIE) {
    throw Error("The KenLM binary is of the unknown type " + std::to_string(type) + ".");
  }
  const bool hashed = type == ngram::PROBING || type == ngram::REST_PROBING;
  if (version != (hashed ? 0u : 1u)) {
    throw Error("The KenLM binary's data structure has version " + std::to_string(version) +
                ", which cannot be read. Build it again from its ARPA file.");
  }
  if (has_words > 1) Damaged("its header holds impossible values");
  if (!std::isfinite(multiplier) || multiplier < 1 || multiplier > kLargestMultiplier) {
    Damaged("its header holds an impossible size multiplier");
  }

  const uint64_t header = (kSanity + kFixed + 8 * static_cast<uint64_t>(order) + 7) / 8 * 8;
  if (bytes.size() < header) Damaged("the file ends within its header");
  std::vector<uint64_t> counts(order);
  for (int n = 0; n < order; ++n) {
    counts[n] = At<uint64_t>(bytes, kSanity + kFixed + 8 * n);
    // At the very least a bit each, which also keeps the sums below from overflowing.
    if (counts[n] / 8 > bytes.size()) Damaged("the file is smaller than its header says");
  }
  if (counts[0] < 1 || counts[0] >= ~WordId{0}) Damaged("its number of words is wrong");

  ngram::Config config;
  config.probing_multiplier = multiplier;
  const uint64_t vocabulary = hashed ? ngram::ProbingVocabulary::Size(counts[0], config)
                                     : ngram::SortedVocabulary::Size(counts[0], config);
  const uint64_t search = header + vocabulary;
  const auto need = [&](uint64_t end) {
    if (bytes.size() < end) {
      Damaged("it has " + std::to_string(bytes.size()) + " bytes, expected at least " +
              std::to_string(end) + "; its end is missing");
    }
  };
  uint64_t unigrams = search;
  if (type == ngram::QUANT_TRIE || type == ngram::QUANT_ARRAY_TRIE) {
    need(search + 3);
    config.prob_bits = At<uint8_t>(bytes, search + 1);
    config.backoff_bits = At<uint8_t>(bytes, search + 2);
    CheckBits(config.prob_bits);
    CheckBits(config.backoff_bits);
    unigrams += ngram::SeparatelyQuantize::Size(order, config);
  }
  if ((type == ngram::ARRAY_TRIE || type == ngram::QUANT_ARRAY_TRIE) && order > 2) {
    const uint64_t arrays = unigrams + ngram::trie::Unigram::Size(counts[0]);
    need(arrays + 2);
    config.pointer_bhiksha_bits = At<uint8_t>(bytes, arrays + 1);
  }
  const uint64_t end = header + TotalSize(static_cast<int>(type), counts, config);
  need(end);

  uint64_t words;
  if (hashed) {
    words = CheckHashedWords(bytes.substr(header, vocabulary), counts[0]);
    const std::string_view tables = bytes.substr(search, end - search);
    if (type == ngram::PROBING) {
      CheckHashTables<ngram::BackoffValue>(tables, counts, multiplier);
    } else {
      CheckHashTables<ngram::RestValue>(tables, counts, multiplier);
    }
  } else {
    words = At<uint64_t>(bytes, header) + 1;  // <unk> is not counted there
    if (words < 1 || words > counts[0]) Damaged("its number of words is wrong");
    CheckUnigramPointers(bytes.substr(unigrams), counts);
  }
  if (has_words) {
    const std::string_view spelling = bytes.substr(end);
    const auto found = std::count(spelling.begin(), spelling.end(), '\0');
    if (spelling.empty() || spelling.back() != '\0' || static_cast<uint64_t>(found) != words) {
      Damaged("it spells " + std::to_string(found) + " words, expected " + std::to_string(words) +
              "; its end may be missing");
    }
    if (spelling.substr(0, 6) != std::string_view("<unk>\0", 6)) {
      Damaged("its words are out of place");
    }
  }
  return {static_cast<int>(type), has_words != 0, end, words};
}

}  // namespace ctc
