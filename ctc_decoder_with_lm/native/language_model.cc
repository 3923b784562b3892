#include "language_model.h"

#include <algorithm>
#include <new>
#include <type_traits>
#include <utility>

#include "arpa.h"
#include "gunzip.h"
#include "kenlm_binary.h"
#include "lm/enumerate_vocab.hh"
#include "lm/model.hh"
#include "mapped_file.h"

namespace ctc {
namespace {

namespace ngram = lm::ngram;

static_assert(sizeof(ngram::State) <= sizeof(LmState::bytes));
static_assert(alignof(ngram::State) <= alignof(LmState));

// No probability is smaller or larger: only a damaged file reaches these.
constexpr float kLargest = 1e9f;

float Bounded(float score) {
  // The comparisons are false for NaN.
  if (!(score > -kLargest)) return -kLargest;
  return score < kLargest ? score : kLargest;
}

// Text as it can be shown: what is not UTF-8, and what moves the cursor, becomes a question mark.
std::string Printable(const std::string& text) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const auto first = static_cast<unsigned char>(text[at]);
    std::size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    bool good = first >= 32 && first != 127 && (first < 0x80 || (first >= 0xC2 && first < 0xF5)) &&
                at + length <= text.size();
    for (std::size_t next = at + 1; good && next < at + length; ++next) {
      good = (static_cast<unsigned char>(text[next]) & 0xC0) == 0x80;
    }
    if (good && length > 2) {  // neither surrogates, overlong forms nor more than there is
      const auto second = static_cast<unsigned char>(text[at + 1]);
      good = !((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||
               (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F));
    }
    if (!good) length = 1;
    result += good ? text.substr(at, length) : "?";
    at += length;
  }
  return result;
}

// KenLM fills in the words that it used and leaves the others as they are.
void SetState(const ngram::State& state, LmState* out) {
  std::memset(out->bytes, 0, sizeof(out->bytes));
  auto* to = reinterpret_cast<ngram::State*>(out->bytes);
  for (int at = 0; at < state.length; ++at) {
    to->words[at] = state.words[at];
    to->backoff[at] = state.backoff[at];
  }
  to->length = state.length;
}

// The words of a model, one after the other in memory, and where each of them is.
class Words : public lm::EnumerateVocab {
 public:
  // The spelling stays in the mapped file.
  void SetMapped(MappedFile file, uint64_t offset) {
    file_ = std::move(file);
    std::string_view rest = file_.bytes().substr(offset);
    while (!rest.empty()) {
      const std::size_t end = rest.find('\0');
      list_.push_back(rest.substr(0, end));
      rest.remove_prefix(end + 1);
    }
  }

  void Add(lm::WordIndex index, const StringPiece& word) override {
    if (ends_.size() <= index) ends_.resize(index + 1, 0);
    ends_[index] = spelling_.append(word.data(), word.size()).size();
  }
  void FinishAdding() {
    std::size_t start = 0;
    for (const std::size_t end : ends_) {
      list_.push_back(std::string_view(spelling_).substr(start, end - start));
      start = end;
    }
    ends_ = {};
  }

  const std::vector<std::string_view>& list() const { return list_; }

 private:
  MappedFile file_;
  std::string spelling_;
  std::vector<std::size_t> ends_;
  std::vector<std::string_view> list_;
};

template <class Model>
class KenlmModel final : public LanguageModel {
 public:
  // The words are those of a binary; for an ARPA file they are collected while it is read, and
  // `binary` is null.
  KenlmModel(const std::string& file, const std::string& path, std::unique_ptr<Words> words,
             const KenlmBinary* binary)
      : words_(std::move(words)), model_(file.c_str(), MakeConfig(binary ? nullptr : words_.get())) {
    if (!binary) {
      words_->FinishAdding();
    } else {
      has_words_ = binary->has_words;
      words_offset_ = binary->words_offset;
    }
    path_ = path;
    order_ = model_.Order();
    size_ = model_.GetVocabulary().Bound();
    begin_word_ = model_.GetVocabulary().BeginSentence();
    end_of_sentence_ = model_.GetVocabulary().EndSentence();
    SetState(model_.BeginSentenceState(), &begin_);
    SetState(model_.NullContextState(), &null_);
    CheckWords();
  }

  float Score(const LmState& in, WordId word, LmState* out) const override {
    std::memset(out->bytes, 0, sizeof(out->bytes));
    auto* to = reinterpret_cast<ngram::State*>(out->bytes);
    const auto& from = *reinterpret_cast<const ngram::State*>(in.bytes);
    const float score = model_.FullScore(from, word < size_ ? word : 0, *to).prob;
    to->ZeroRemaining();
    return Bounded(score);
  }

  WordId Find(std::string_view word) const override {
    return model_.GetVocabulary().Index(StringPiece(word.data(), word.size()));
  }

  const std::vector<std::string_view>& words() const override {
    if (words_->list().empty()) {
      throw Error(path_ +
                  ": the KenLM binary does not hold the spelling of its words. Build it again "
                  "without build_binary's option -v.");
    }
    return words_->list();
  }

 private:
  static ngram::Config MakeConfig(lm::EnumerateVocab* words) {
    ngram::Config config;
    config.messages = nullptr;
    config.show_progress = false;
    config.arpa_complain = ngram::Config::NONE;
    config.unknown_missing = lm::SILENT;
    config.load_method = util::LAZY;
    config.enumerate_vocab = words;
    return config;
  }

  // Each word is found under its own number, unless the same word was there before.
  void CheckWords() const {
    const auto& list = words_->list();
    for (std::size_t id = 1; id < list.size(); ++id) {
      const WordId found = Find(list[id]);
      if (found == id || (found < list.size() && list[found] == list[id])) continue;
      throw Error("The KenLM binary is damaged: word " + std::to_string(id) +
                  " is not found by its spelling.");
    }
  }

  std::unique_ptr<Words> words_;
  Model model_;
};

using Loaded = std::shared_ptr<const LanguageModel>;

Loaded LoadBinary(MappedFile mapped, const std::string& file, const std::string& path) {
  const KenlmBinary binary = CheckKenlmBinary(mapped.bytes());
  auto words = std::make_unique<Words>();
  if (binary.has_words) words->SetMapped(MappedFile(file), binary.words_offset);
  // What the checks read is not kept in memory twice.
  mapped = MappedFile();
  const auto make = [&](auto* type) -> Loaded {
    using Model = std::remove_pointer_t<decltype(type)>;
    return std::make_shared<KenlmModel<Model>>(file, path, std::move(words), &binary);
  };
  switch (binary.type) {
    case ngram::PROBING: return make(static_cast<ngram::ProbingModel*>(nullptr));
    case ngram::REST_PROBING: return make(static_cast<ngram::RestProbingModel*>(nullptr));
    case ngram::TRIE: return make(static_cast<ngram::TrieModel*>(nullptr));
    case ngram::QUANT_TRIE: return make(static_cast<ngram::QuantTrieModel*>(nullptr));
    case ngram::ARRAY_TRIE: return make(static_cast<ngram::ArrayTrieModel*>(nullptr));
    default: return make(static_cast<ngram::QuantArrayTrieModel*>(nullptr));
  }
}

Loaded LoadPlain(const std::string& file, const std::string& path) {
  MappedFile mapped(file);
  if (mapped.bytes().empty()) throw Error("The file is empty.");
  if (IsKenlmBinary(mapped.bytes())) return LoadBinary(std::move(mapped), file, path);
  CheckArpa(mapped.bytes());
  try {
    return std::make_shared<KenlmModel<ngram::ProbingModel>>(file, path, std::make_unique<Words>(),
                                                             nullptr);
  } catch (const util::Exception& error) {
    throw Error(ArpaComplaint(mapped.bytes(), error.what()));
  }
}

Loaded LoadAny(const std::string& path) {
  const MappedFile mapped(path);
  if (!IsGzip(mapped.bytes())) return LoadPlain(path, path);
  TemporaryFile content;
  Gunzip(mapped.bytes(),
         [&](const uint8_t* data, std::size_t size) { content.Append(data, size); });
  return LoadPlain(content.path(), path);
}

}  // namespace

Loaded LanguageModel::Load(const std::string& path) {
  std::string what;
  try {
    return LoadAny(path);
  } catch (const Error& error) {
    what = error.what();
  } catch (const std::bad_alloc&) {
    what = "There is not enough memory for the language model.";
  } catch (const std::exception& error) {
    what = std::string("KenLM cannot read the file: ") + error.what();
  }
  const bool named = !path.empty() && what.rfind(path, 0) == 0;
  throw Error(Printable(named ? what : path + ": " + what));
}

}  // namespace ctc
