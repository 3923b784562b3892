// The Python door: module ctc_decoder_with_lm._core. Arrays in, tuples out; the GIL is released
// while the core works. ctc_decoder_with_lm/decoder.py makes it comfortable.

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "alphabet.h"
#include "batch.h"
#include "beam_search.h"
#include "error.h"
#include "greedy.h"
#include "hot_words.h"
#include "language_model.h"
#include "model.h"
#include "presets.h"

namespace py = pybind11;

namespace {

using Rows = py::array_t<float, py::array::c_style>;

template <typename Choice>
using Choices = std::vector<std::pair<std::string, Choice>>;

template <typename Choice>
Choice Choose(const std::string& name, const Choices<Choice>& choices) {
  std::string offered;
  for (const auto& [one, choice] : choices) {
    if (one == name) return choice;
    offered += (offered.empty() ? "" : ", ") + one;
  }
  throw ctc::Error("\"" + name + "\" is none of: " + offered + ".");
}

template <typename Choice>
std::string NameOf(Choice wanted, const Choices<Choice>& choices) {
  for (const auto& [name, choice] : choices) {
    if (choice == wanted) return name;
  }
  throw ctc::Error("A choice has no name.");
}

ctc::Inputs ParseInputs(const std::string& name) {
  return Choose<ctc::Inputs>(name, {{"logits", ctc::Inputs::kLogits},
                                    {"log_probs", ctc::Inputs::kLogProbs},
                                    {"probabilities", ctc::Inputs::kProbabilities}});
}

const Choices<bool> kUnits = {{"natural", true}, {"log10", false}};
const Choices<ctc::Unknown> kUnknown = {
    {"lm", ctc::Unknown::kModel}, {"replace", ctc::Unknown::kReplace}, {"add", ctc::Unknown::kAdd}};
const Choices<bool> kLexicons = {{"constrain", true}, {"none", false}};
const Choices<ctc::PartialWord> kPartialWords = {{"none", ctc::PartialWord::kNone},
                                                 {"lookahead", ctc::PartialWord::kLookahead},
                                                 {"trie", ctc::PartialWord::kTrie},
                                                 {"unknown", ctc::PartialWord::kUnknown}};
const Choices<bool> kMerges = {{"sum", false}, {"max", true}};
const Choices<bool> kLmUnits = {{"word", false}, {"token", true}};

// Calls both(name, field) for each number and flag of `scoring`, which both directions share.
template <typename Rules, typename Both>
void ForEachPlainField(Rules& scoring, Both both) {
  both("begin_of_sentence", scoring.begin_of_sentence);
  both("end_of_sentence", scoring.end_of_sentence);
  both("unknown_score", scoring.unknown_score);
  both("unknown_in_window", scoring.unknown_in_window);
  both("partial_score", scoring.partial_score);
  both("collapse_spaces", scoring.collapse_spaces);
  both("empty_words", scoring.empty_words);
  both("repeat_final_bonus", scoring.repeat_final_bonus);
  both("complete_words_first", scoring.complete_words_first);
  both("empty_last_word", scoring.empty_last_word);
  both("merge_texts", scoring.merge_texts);
  both("separate_ends", scoring.separate_ends);
  both("min_cutoff", scoring.min_cutoff);
  both("cut_entering_only", scoring.cut_entering_only);
  both("lookahead_from_start", scoring.lookahead_from_start);
  both("start_blank", scoring.start_blank);
}

ctc::Scoring ParseScoring(const py::dict& given) {
  ctc::Scoring scoring;
  auto text = [&](const char* key) { return given[key].cast<std::string>(); };
  scoring.natural_unit = Choose(text("unit"), kUnits);
  scoring.unknown = Choose(text("unknown"), kUnknown);
  scoring.constrain = Choose(text("lexicon"), kLexicons);
  scoring.partial_word = Choose(text("partial_word"), kPartialWords);
  scoring.max_merge = Choose(text("merge"), kMerges);
  scoring.token_lm = Choose(text("lm_unit"), kLmUnits);
  ForEachPlainField(scoring, [&](const char* key, auto& field) {
    field = given[key].cast<std::decay_t<decltype(field)>>();
  });
  return scoring;
}

py::dict Described(const ctc::Scoring& scoring) {
  py::dict result;
  result["unit"] = NameOf(scoring.natural_unit, kUnits);
  result["unknown"] = NameOf(scoring.unknown, kUnknown);
  result["lexicon"] = NameOf(scoring.constrain, kLexicons);
  result["partial_word"] = NameOf(scoring.partial_word, kPartialWords);
  result["merge"] = NameOf(scoring.max_merge, kMerges);
  result["lm_unit"] = NameOf(scoring.token_lm, kLmUnits);
  ForEachPlainField(scoring, [&](const char* key, auto& field) { result[key] = field; });
  return result;
}

// The same for the numbers of a call.
template <typename Options, typename Both>
void ForEachOption(Options& options, Both both) {
  both("alpha", options.alpha);
  both("beta", options.beta);
  both("trie_weight", options.trie_weight);
  both("weights", options.weights);
  both("beam_width", options.beam_width);
  both("beam_threshold", options.beam_threshold);
  both("token_threshold", options.token_threshold);
  both("blank_penalty", options.blank_penalty);
  both("cutoff_top_n", options.cutoff_top_n);
  both("cutoff_prob", options.cutoff_prob);
  both("recombine", options.recombine);
  both("nbest", options.nbest);
}

ctc::SearchOptions ParseOptions(const py::dict& given) {
  ctc::SearchOptions options;
  ForEachOption(options, [&](const char* key, auto& field) {
    field = given[key].cast<std::decay_t<decltype(field)>>();
  });
  return options;
}

py::dict Described(const ctc::SearchOptions& options) {
  py::dict result;
  ForEachOption(options, [&](const char* key, auto& field) { result[key] = field; });
  return result;
}

ctc::Utterance Rowed(const Rows& rows, const ctc::Model& model) {
  const int classes = model.symbols().size() + 1;
  if (rows.ndim() != 2 || rows.shape(1) != classes) {
    throw ctc::Error("An utterance must be an array [frames, " + std::to_string(classes) + "].");
  }
  return {rows.data(), static_cast<int>(rows.shape(0))};
}

py::tuple ToTuple(const ctc::Hypothesis& hypothesis) {
  py::tuple tokens(hypothesis.tokens.size()), words(hypothesis.words.size());
  for (size_t i = 0; i < hypothesis.tokens.size(); ++i) {
    const ctc::TokenTime& token = hypothesis.tokens[i];
    tokens[i] = py::make_tuple(token.symbol, token.start, token.end);
  }
  for (size_t i = 0; i < hypothesis.words.size(); ++i) {
    const ctc::TimedWord& word = hypothesis.words[i];
    words[i] = py::make_tuple(word.text, word.start, word.end, word.confidence);
  }
  return py::make_tuple(hypothesis.text, hypothesis.score, hypothesis.acoustic, words, tokens,
                        py::tuple(py::cast(hypothesis.lm_scores)), hypothesis.bonus_count,
                        hypothesis.boost);
}

py::list ToList(const std::vector<ctc::Hypothesis>& hypotheses) {
  py::list result;
  for (const ctc::Hypothesis& hypothesis : hypotheses) result.append(ToTuple(hypothesis));
  return result;
}

py::list Decode(std::shared_ptr<const ctc::Model> model, const std::vector<Rows>& arrays,
                const py::dict& options, std::shared_ptr<const ctc::HotWords> hot_words,
                const std::string& inputs, int threads) {
  std::vector<ctc::Utterance> utterances;
  for (const Rows& rows : arrays) utterances.push_back(Rowed(rows, *model));
  const ctc::SearchOptions parsed = ParseOptions(options);
  const ctc::Inputs kind = ParseInputs(inputs);
  std::vector<std::vector<ctc::Hypothesis>> found;
  {
    py::gil_scoped_release release;
    found = ctc::DecodeBatch(model, parsed, hot_words, utterances, kind, threads);
  }
  py::list results;
  for (const auto& hypotheses : found) results.append(ToList(hypotheses));
  return results;
}

// One utterance, frame by frame. Calls from several threads wait for each other.
class Stream {
 public:
  Stream(std::shared_ptr<const ctc::Model> model, const py::dict& options,
         std::shared_ptr<const ctc::HotWords> hot_words, const std::string& inputs)
      : model_(model),
        inputs_(ParseInputs(inputs)),
        search_(model, ParseOptions(options), std::move(hot_words)) {}

  void Accept(const Rows& rows) {
    const ctc::Utterance utterance = Rowed(rows, *model_);
    const size_t classes = model_->symbols().size() + 1;
    py::gil_scoped_release release;
    std::lock_guard<std::mutex> lock(mutex_);
    for (int frame = 0; frame < utterance.frames; ++frame) {
      search_.Accept(utterance.rows + frame * classes, inputs_);
    }
  }
  py::tuple Partial() {
    std::string text, stable;
    std::vector<ctc::TimedWord> words;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      search_.Partial(&text, &stable, &words);
    }
    py::tuple timed(words.size());
    for (size_t i = 0; i < words.size(); ++i) {
      timed[i] = py::make_tuple(words[i].text, words[i].start, words[i].end);
    }
    return py::make_tuple(text, stable, timed);
  }
  double EndCost() {
    std::lock_guard<std::mutex> lock(mutex_);
    return search_.EndCost();
  }
  py::list Finish() {
    std::vector<ctc::Hypothesis> found;
    {
      py::gil_scoped_release release;
      std::lock_guard<std::mutex> lock(mutex_);
      found = search_.Finish();
    }
    return ToList(found);
  }
  void Reset() {
    std::lock_guard<std::mutex> lock(mutex_);
    search_.Reset();
  }
  int frames() const { return search_.frames(); }

 private:
  std::shared_ptr<const ctc::Model> model_;
  ctc::Inputs inputs_;
  ctc::BeamSearch search_;
  std::mutex mutex_;
};

py::list Greedy(const py::array_t<float, py::array::c_style>& logits,
                const std::vector<int>& lengths, const std::vector<std::string>& texts,
                const std::vector<bool>& starts_word) {
  if (logits.ndim() != 3 || logits.shape(0) != static_cast<py::ssize_t>(lengths.size()) ||
      logits.shape(2) != static_cast<py::ssize_t>(texts.size()) + 1 ||
      texts.size() != starts_word.size()) {
    throw ctc::Error("Logits, lengths and symbols do not fit together.");
  }
  const int frames = static_cast<int>(logits.shape(1)), classes = static_cast<int>(logits.shape(2));
  const ctc::Spelling spelling{texts, starts_word};
  std::vector<ctc::GreedyResult> results(lengths.size());
  {
    py::gil_scoped_release release;
    for (size_t row = 0; row < lengths.size(); ++row) {
      const float* rows = logits.data() + row * static_cast<size_t>(frames) * classes;
      const int used = std::min(std::max(lengths[row], 0), frames);
      results[row] = ctc::GreedyDecode(rows, used, classes, spelling);
    }
  }
  py::list found;
  for (const ctc::GreedyResult& one : results) {
    py::tuple words(one.words.size());
    for (size_t i = 0; i < one.words.size(); ++i) {
      const ctc::GreedyWord& word = one.words[i];
      words[i] = py::make_tuple(word.text, word.first, word.last, word.confidence);
    }
    found.append(py::make_tuple(py::cast(one.symbols), one.score, words));
  }
  return found;
}

}  // namespace

PYBIND11_MODULE(_core, module) {
  module.doc() = "The native core of ctc_decoder_with_lm.";
  py::register_exception<ctc::Error>(module, "Error", PyExc_ValueError);

  py::class_<ctc::LanguageModel, std::shared_ptr<ctc::LanguageModel>>(module, "LanguageModel")
      .def(py::init([](const std::string& path) {
             py::gil_scoped_release release;
             return std::const_pointer_cast<ctc::LanguageModel>(ctc::LanguageModel::Load(path));
           }),
           py::arg("path"))
      .def_property_readonly("path", &ctc::LanguageModel::path)
      .def_property_readonly("order", &ctc::LanguageModel::order)
      .def_property_readonly("size", &ctc::LanguageModel::size)
      .def_property_readonly("has_words", &ctc::LanguageModel::has_words)
      .def_property_readonly("words_offset", &ctc::LanguageModel::words_offset)
      .def("words",
           [](const ctc::LanguageModel& model) {
             py::list words;
             for (std::string_view word : model.words())
               words.append(py::bytes(word.data(), word.size()));
             return words;
           })
      .def(
          "score",
          [](const ctc::LanguageModel& model, const std::vector<std::string>& words, bool begin,
             bool end) {
            std::vector<std::pair<float, bool>> scores;
            ctc::LmState state = begin ? model.begin() : model.null(), next;
            for (const std::string& word : words) {
              const ctc::WordId id = model.Find(word);
              scores.emplace_back(model.Score(state, id, &next), id == 0);
              state = next;
            }
            if (end) scores.emplace_back(model.Score(state, model.end_of_sentence(), &next), false);
            return scores;
          },
          py::arg("words"), py::arg("begin") = true, py::arg("end") = true)
      .def("scores_symbols",
           [](const ctc::LanguageModel& model, const std::vector<std::string>& symbols) {
             return ctc::IsTokenModel(model, ctc::Symbols(symbols));
           });

  py::class_<ctc::Model, std::shared_ptr<ctc::Model>>(module, "Model")
      .def(
          py::init([](const std::vector<std::string>& symbols, const py::dict& scoring,
                      const std::vector<std::shared_ptr<ctc::LanguageModel>>& models,
                      std::optional<std::vector<std::string>> words, const std::string& trie_path,
                      const py::object& pronunciations) {
            const ctc::Scoring rules = ParseScoring(scoring);
            ctc::Pronunciations spelled;
            const bool given = !pronunciations.is_none();
            if (given) {
              std::tie(spelled.words, spelled.spellings, spelled.separator) =
                  pronunciations.cast<std::tuple<std::vector<std::string>,
                                                 std::vector<std::pair<uint32_t, std::vector<int>>>,
                                                 int>>();
            }
            py::gil_scoped_release release;
            std::vector<std::shared_ptr<const ctc::LanguageModel>> constant(models.begin(),
                                                                            models.end());
            return std::make_shared<ctc::Model>(symbols, rules, std::move(constant),
                                                words ? &*words : nullptr, trie_path,
                                                given ? &spelled : nullptr);
          }))
      .def_property_readonly(
          "lexicon_words",
          [](const ctc::Model& model) { return model.lexicon() ? model.lexicon()->words() : 0; })
      .def_property_readonly("unspellable", &ctc::Model::unspellable)
      .def_property_readonly("unspellable_examples", &ctc::Model::unspellable_examples)
      .def_property_readonly("unknown_words", &ctc::Model::unknown_words)
      .def_property_readonly("unknown_examples", &ctc::Model::unknown_examples);

  py::class_<ctc::HotWords, std::shared_ptr<ctc::HotWords>>(module, "HotWords")
      .def(py::init(
          [](const std::vector<std::pair<std::string, float>>& phrases, const ctc::Model& model) {
            if (model.spelled()) return std::make_shared<ctc::HotWords>(phrases, model);
            return std::make_shared<ctc::HotWords>(phrases, model.symbols(),
                                                   model.constrained() ? model.lexicon() : nullptr);
          }));

  py::class_<Stream>(module, "Stream")
      .def(py::init([](std::shared_ptr<ctc::Model> model, const py::dict& options,
                       std::shared_ptr<ctc::HotWords> hot_words, const std::string& inputs) {
        return std::make_unique<Stream>(model, options, hot_words, inputs);
      }))
      .def("accept", &Stream::Accept)
      .def("partial", &Stream::Partial)
      .def("end_cost", &Stream::EndCost)
      .def("finish", &Stream::Finish)
      .def("reset", &Stream::Reset)
      .def_property_readonly("frames", &Stream::frames);

  module.def("default_scoring", [] { return Described(ctc::Scoring()); });
  module.def("default_options", [] { return Described(ctc::SearchOptions()); });
  module.def("presets", [] {
    py::dict result;
    for (const auto& [name, scoring] : ctc::Presets()) result[name.c_str()] = Described(scoring);
    return result;
  });
  module.def("read_alphabet", &ctc::ReadAlphabet);
  module.def("greedy", &Greedy);
  module.def("decode", [](std::shared_ptr<ctc::Model> model, const std::vector<Rows>& arrays,
                          const py::dict& options, std::shared_ptr<ctc::HotWords> hot_words,
                          const std::string& inputs, int threads) {
    return Decode(model, arrays, options, hot_words, inputs, threads);
  });
}
