// The core without any door: run plain and under the compiler's sanitizers.
//
//   core_test SCRATCH_FOLDER

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "../batch.h"
#include "../beam_search.h"
#include "../error.h"
#include "../greedy.h"
#include "../hot_words.h"
#include "../language_model.h"
#include "../model.h"

namespace {

#define CHECK(condition) Check((condition), #condition, __LINE__)

void Check(bool condition, const char* what, int line) {
  if (condition) return;
  std::fprintf(stderr, "core_test.cc:%d: failed: %s\n", line, what);
  std::abort();
}

using Languages = std::vector<std::shared_ptr<const ctc::LanguageModel>>;

const std::vector<std::string> kSymbols = {" ", "a", "b", "c", "t"};
const std::vector<std::string> kWords = {"a", "cat", "bat", "at", "tab", "cab", "act"};
constexpr int kClasses = 6;

// Bigrams of all pairs of words, with random numbers.
std::string WriteArpa(const std::string& path) {
  std::mt19937 random(1);
  const auto number = [&] { return std::to_string(-0.1 - (random() % 1000) / 500.0); };
  const size_t words = kWords.size();
  std::ofstream file(path);
  file << "\\data\\\nngram 1=" << words + 3 << "\nngram 2=" << words * words + 2 * words << "\n\n";
  file << "\\1-grams:\n-3\t<unk>\n-99\t<s>\t-0.3\n-1\t</s>\n";
  for (const auto& word : kWords) file << number() << "\t" << word << "\t" << number() << "\n";
  file << "\n\\2-grams:\n";
  for (const auto& word : kWords) {
    file << number() << "\t<s> " << word << "\n" << number() << "\t" << word << " </s>\n";
    for (const auto& next : kWords) file << number() << "\t" << word << " " << next << "\n";
  }
  file << "\n\\end\\\n";
  return path;
}

std::vector<float> RandomLogits(int frames, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, 3);
  std::vector<float> logits(static_cast<size_t>(frames) * kClasses);
  for (float& logit : logits) logit = normal(random);
  return logits;
}

std::vector<ctc::Hypothesis> Search(ctc::BeamSearch& search, const std::vector<float>& logits) {
  for (size_t at = 0; at < logits.size(); at += kClasses) {
    search.Accept(logits.data() + at, ctc::Inputs::kLogits);
  }
  return search.Finish();
}

bool Same(const std::vector<ctc::Hypothesis>& a, const std::vector<ctc::Hypothesis>& b) {
  bool same = a.size() == b.size();
  for (size_t at = 0; same && at < a.size(); ++at) {
    same = a[at].text == b[at].text && a[at].score == b[at].score &&
           a[at].words.size() == b[at].words.size() && a[at].tokens.size() == b[at].tokens.size();
  }
  return same;
}

bool Throws(const std::function<void()>& work) {
  try {
    work();
  } catch (const ctc::Error&) {
    return true;
  }
  return false;
}

void TestLanguageModel(const ctc::LanguageModel& model) {
  CHECK(model.order() == 2 && model.size() == kWords.size() + 3);
  for (size_t id = 0; id < model.size(); ++id) CHECK(model.Find(model.words()[id]) == id);
  CHECK(model.Find("dog") == 0);
  ctc::LmState after, again;
  const float score = model.Score(model.begin(), model.Find("cat"), &after);
  CHECK(score < 0 && score == model.Score(model.begin(), model.Find("cat"), &again));
  CHECK(after == again && after != model.begin());
  CHECK(model.Score(model.null(), 4000000000u, &after) == model.Score(model.null(), 0, &again));
}

// Probabilities of all texts of two frames, by hand: without a language model a text's score is
// the log of the sum over its alignments.
void TestExhaustive() {
  ctc::Scoring scoring;
  scoring.constrain = false;
  scoring.partial_word = ctc::PartialWord::kNone;
  scoring.collapse_spaces = false;
  scoring.merge_texts = false;
  // Without a space, with which texts would be equal whose symbols are not.
  const std::vector<std::string> symbols = {"d", "a", "b", "c", "t"};
  const auto model = std::make_shared<ctc::Model>(symbols, scoring, Languages{}, nullptr, "");
  ctc::SearchOptions options;
  options.beam_width = options.nbest = 100;
  options.alpha = options.beta = 0;
  ctc::BeamSearch search(model, options, nullptr);
  const std::vector<float> logits = RandomLogits(2, 5);
  double probabilities[2][kClasses];
  for (int frame = 0; frame < 2; ++frame) {
    double sum = 0;
    for (int one = 0; one < kClasses; ++one) sum += std::exp(logits[frame * kClasses + one]);
    for (int one = 0; one < kClasses; ++one) {
      probabilities[frame][one] = std::exp(logits[frame * kClasses + one]) / sum;
    }
  }
  double total = 0;
  for (const ctc::Hypothesis& found : Search(search, logits)) {
    const auto& p = probabilities;
    const int blank = kClasses - 1;
    double expected = p[0][blank] * p[1][blank];
    if (found.tokens.size() == 1) {
      const int one = found.tokens[0].symbol;
      expected = p[0][one] * (p[1][one] + p[1][blank]) + p[0][blank] * p[1][one];
    } else if (found.tokens.size() == 2) {
      CHECK(found.tokens[0].symbol != found.tokens[1].symbol);
      expected = p[0][found.tokens[0].symbol] * p[1][found.tokens[1].symbol];
    }
    CHECK(std::fabs(found.score - std::log(expected)) < 1e-5);
    total += std::exp(found.score);
  }
  CHECK(std::fabs(total - 1) < 1e-5);
}

void TestSearch(const std::shared_ptr<const ctc::Model>& model, bool recombine) {
  ctc::SearchOptions options;
  options.recombine = recombine;
  options.beam_width = 20;
  options.nbest = 5;
  ctc::BeamSearch search(model, options, nullptr);
  for (uint32_t seed = 0; seed < 30; ++seed) {
    const std::vector<float> logits = RandomLogits(40, seed);
    const auto found = Search(search, logits);
    CHECK(!found.empty() && found.size() <= 5);
    for (size_t at = 1; at < found.size(); ++at) CHECK(found[at - 1].score >= found[at].score);
    for (const auto& word : found[0].words) {
      // The utterance may end within a word.
      const bool last = &word == &found[0].words.back();
      CHECK(std::any_of(kWords.begin(), kWords.end(), [&](const std::string& known) {
        return last ? known.rfind(word.text, 0) == 0 : known == word.text;
      }));
      CHECK(word.start <= word.end && word.end <= 40);
      CHECK(word.confidence >= 0 && word.confidence <= 1);
    }
    // The same again, with a look at what is there so far.
    search.Reset();
    std::string text, stable;
    std::vector<ctc::TimedWord> words;
    for (size_t at = 0; at < logits.size(); at += kClasses) {
      search.Accept(logits.data() + at, ctc::Inputs::kLogits);
      const std::string before = stable;
      search.Partial(&text, &stable, &words);
      CHECK(stable.rfind(before, 0) == 0 && text.rfind(stable, 0) == 0);
    }
    CHECK(Same(found, search.Finish()));
    CHECK(found[0].text.rfind(stable, 0) == 0);
    search.Reset();
  }
  const float nan = std::nanf("");
  const std::vector<float> row(kClasses, nan);
  CHECK(Throws([&] { search.Accept(row.data(), ctc::Inputs::kLogits); }));
}

void TestHotWords(const std::shared_ptr<const ctc::Model>& model) {
  const auto hot = [&](const std::string& phrase) {
    return std::make_shared<ctc::HotWords>(
        std::vector<std::pair<std::string, float>>{{phrase, 30.0f}}, model->symbols(),
        model->lexicon());
  };
  const auto count = [&](std::shared_ptr<const ctc::HotWords> used, const std::string& text) {
    int found = 0;
    for (uint32_t seed = 0; seed < 20; ++seed) {
      ctc::BeamSearch search(model, ctc::SearchOptions(), used);
      const auto hypotheses = Search(search, RandomLogits(40, seed));
      for (const auto& word : hypotheses[0].words) found += word.text == text;
    }
    return found;
  };
  CHECK(count(hot("cat"), "cat") > count(nullptr, "cat"));
  CHECK(count(nullptr, "tact") == 0 && count(hot("tact"), "tact") > 0);  // not in the lexicon
  CHECK(Throws([&] { ctc::HotWords({{"dog", 1.0f}}, model->symbols(), model->lexicon()); }));
}

// The best class of each frame, with runs merged and blanks removed, for all lengths of a block.
void TestGreedy() {
  ctc::Spelling spelling;
  for (const char* text : {"", "a", "b", "c", "t"}) {
    spelling.texts.push_back(text);
    spelling.starts_word.push_back(*text == 0);
  }
  for (int frames = 0; frames < 40; ++frames) {
    const std::vector<float> logits = RandomLogits(frames, static_cast<uint32_t>(frames));
    std::vector<int> expected;
    int last = kClasses - 1;
    for (int frame = 0; frame < frames; ++frame) {
      const float* row = logits.data() + frame * kClasses;
      const int best = static_cast<int>(std::max_element(row, row + kClasses) - row);
      if (best != last && best != kClasses - 1) expected.push_back(best);
      last = best;
    }
    const auto found = ctc::GreedyDecode(logits.data(), frames, kClasses, spelling);
    CHECK(found.symbols == expected);
    CHECK(found.score <= 0);
  }
}

// An utterance that is long enough for all memory to be tidied up several times.
void TestLong(const std::shared_ptr<const ctc::Model>& model) {
  ctc::SearchOptions options;
  options.recombine = true;
  options.nbest = 20;
  ctc::BeamSearch search(model, options, nullptr);
  const std::vector<float> logits = RandomLogits(6000, 1);
  const auto found = Search(search, logits);
  CHECK(found.size() == 20);
  for (const ctc::Hypothesis& one : found) {
    for (size_t at = 1; at < one.tokens.size(); ++at) {
      CHECK(one.tokens[at - 1].start < one.tokens[at].start);
      CHECK(one.tokens[at - 1].end <= one.tokens[at].start);
    }
    CHECK(one.tokens.back().end <= 6000);
  }
}

// Threads that share a model, a language model and hot words, each way there is.
void TestThreads(const std::shared_ptr<const ctc::Model>& model, const std::string& arpa) {
  std::vector<std::vector<float>> logits;
  std::vector<ctc::Utterance> utterances;
  for (uint32_t seed = 0; seed < 24; ++seed) {
    logits.push_back(RandomLogits(10 + static_cast<int>(seed), seed));
    utterances.push_back({logits.back().data(), 10 + static_cast<int>(seed)});
  }
  const auto hot =
      std::make_shared<ctc::HotWords>(std::vector<std::pair<std::string, float>>{{"tab", 2.0f}},
                                      model->symbols(), model->lexicon());
  ctc::SearchOptions options;
  options.nbest = 3;
  options.recombine = true;
  const auto decode = [&](int threads) {
    return ctc::DecodeBatch(model, options, hot, utterances, ctc::Inputs::kLogits, threads);
  };
  const auto alone = decode(1), together = decode(4);
  for (size_t at = 0; at < alone.size(); ++at) CHECK(Same(alone[at], together[at]));
  std::vector<std::thread> threads;
  for (int count = 0; count < 4; ++count) {
    threads.emplace_back([&] {
      CHECK(Same(decode(2)[7], alone[7]));
      CHECK(ctc::LanguageModel::Load(arpa)->words().size() == kWords.size() + 3);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace

int main(int count, char** arguments) {
  CHECK(count == 2);
  const std::string arpa = WriteArpa(std::string(arguments[1]) + "/core_test.arpa");
  const auto language = ctc::LanguageModel::Load(arpa);
  const auto model =
      std::make_shared<ctc::Model>(kSymbols, ctc::Scoring(), Languages{language}, nullptr, "");
  TestLanguageModel(*language);
  TestGreedy();
  TestExhaustive();
  for (bool recombine : {false, true}) TestSearch(model, recombine);
  TestLong(model);
  TestHotWords(model);
  TestThreads(model, arpa);
  CHECK(Throws([] { ctc::LanguageModel::Load("/there/is/no/such/file"); }));
  std::puts("passed");
}
