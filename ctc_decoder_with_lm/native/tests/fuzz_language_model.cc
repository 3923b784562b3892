// Damages a language model file in many ways and loads it: it must be refused, or give scores.
//
//   fuzz_language_model FILE SCRATCH_FILE SEED ROUNDS
//
// Prints how many were refused. A crash leaves the damaged file in SCRATCH_FILE.

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "../language_model.h"

namespace {

void Check(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "failed: %s\n", what);
  std::abort();
}

void Damage(std::mt19937& random, std::string* bytes) {
  const auto below = [&](size_t limit) { return limit ? random() % limit : 0; };
  // Half of the damage is done to the header.
  const size_t reach = below(2) ? bytes->size() : std::min<size_t>(bytes->size(), 200);
  switch (below(8)) {
    case 0: bytes->resize(below(bytes->size())); return;
    case 1: bytes->append(below(100), static_cast<char>(random())); return;
    case 2: bytes->erase(below(reach), 1 + below(8)); return;
    case 3: bytes->insert(below(reach), 1 + below(8), static_cast<char>(random())); return;
    case 4: {  // a run of equal bytes, as of a hole in a file
      const char value = below(2) ? 0 : static_cast<char>(-1);
      const size_t start = below(reach);
      for (size_t at = start; at < std::min(bytes->size(), start + below(64)); ++at) {
        (*bytes)[at] = value;
      }
      return;
    }
    default:
      for (size_t count = 1 + below(4); count > 0; --count) {
        (*bytes)[below(reach)] ^= below(2) ? 1 << below(8) : static_cast<char>(random());
      }
  }
}

// Scores many n-grams; whether the words are known or not.
void Use(const ctc::LanguageModel& model, std::mt19937& random) {
  ctc::LmState states[2] = {random() % 2 ? model.begin() : model.null(), {}};
  for (int at = 0; at < 400; ++at) {
    const auto word = static_cast<ctc::WordId>(random() % (model.size() + 2));
    const float score = model.Score(states[at % 2], word, &states[1 - at % 2]);
    Check(std::fabs(score) <= 1e9f, "the score is a number");
  }
  Check(model.Find("the") < model.size(), "a word's id is below the size");
  try {
    for (const std::string_view word : model.words()) Check(word.size() < 1u << 20, "a word");
  } catch (const ctc::Error&) {  // without words
  }
}

}  // namespace

int main(int count, char** arguments) {
  Check(count == 5, "there are four arguments");
  const std::string scratch = arguments[2];
  std::ifstream file(arguments[1], std::ios::binary);
  const std::string original{std::istreambuf_iterator<char>(file), {}};
  std::mt19937 random(static_cast<uint32_t>(std::atoi(arguments[3])));
  const int rounds = std::atoi(arguments[4]);
  int refused = 0;
  std::set<std::string> complaints;
  for (int round = 0; round < rounds; ++round) {
    std::string bytes = original;
    if (round > 0) Damage(random, &bytes);
    std::ofstream(scratch, std::ios::binary) << bytes;
    try {
      Use(*ctc::LanguageModel::Load(scratch), random);
    } catch (const ctc::Error& error) {
      Check(round > 0, error.what());
      ++refused;
      complaints.insert(error.what());
    }
  }
  std::printf("%d of %d refused, %zu different complaints\n", refused, rounds, complaints.size());
  if (std::getenv("SHOW_COMPLAINTS")) {
    for (const std::string& complaint : complaints) std::printf("  %s\n", complaint.c_str());
  }
}
