#include "greedy.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace ctc {
namespace {

// Frames that are treated side by side, so that the compiler can use the processor's vectors.
constexpr int kLanes = 16;

// exp(x) for x <= 0, to seven digits: 2^n times a polynomial on [-ln 2 / 2, ln 2 / 2] (the
// coefficients are those of the Taylor series, whose error there is below 2e-7).
inline float Exp(float x) {
  x = x < -87.0f ? -87.0f : x;
  const float n = std::nearbyint(x * 1.44269504f);
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float y = 1.0f / 720;
  y = y * r + 1.0f / 120;
  y = y * r + 1.0f / 24;
  y = y * r + 1.0f / 6;
  y = y * r + 0.5f;
  y = y * r + 1.0f;
  y = y * r + 1.0f;
  const int32_t bits = (static_cast<int32_t>(n) + 127) << 23;
  float scale;
  std::memcpy(&scale, &bits, sizeof scale);
  return y * scale;
}

// The best class of each of some frames, and the log of its probability.
struct Best {
  int32_t places[kLanes];
  float log_probs[kLanes];
};

// Args:
//   block: [class, frame], the frames' logits.
void FindBest(const float* block, int classes, Best* best) {
  float top[kLanes], sum[kLanes] = {};
  int32_t* const places = best->places;
  for (int lane = 0; lane < kLanes; ++lane) {
    top[lane] = block[lane];
    places[lane] = 0;
  }
  for (int c = 1; c < classes; ++c) {
    const float* row = block + c * kLanes;
    for (int lane = 0; lane < kLanes; ++lane) {
      places[lane] = row[lane] > top[lane] ? c : places[lane];
      top[lane] = row[lane] > top[lane] ? row[lane] : top[lane];
    }
  }
  for (int c = 0; c < classes; ++c) {
    const float* row = block + c * kLanes;
    for (int lane = 0; lane < kLanes; ++lane) sum[lane] += Exp(row[lane] - top[lane]);
  }
  for (int lane = 0; lane < kLanes; ++lane)
    best->log_probs[lane] = std::min(-std::log(sum[lane]), 0.0f);
}

}  // namespace

GreedyResult GreedyDecode(const float* rows, int frames, int classes, const Spelling& spelling) {
  GreedyResult result;
  const int blank = classes - 1;
  std::vector<float> block(static_cast<size_t>(classes) * kLanes);
  Best best;
  int run = blank;
  float certainty = 0;  // of the run
  GreedyWord word{"", 0, 0, 0};
  int symbols_of_word = 0;
  const auto close_word = [&] {
    if (symbols_of_word > 0) {
      word.confidence = std::min(std::exp(word.confidence / symbols_of_word), 1.0);
      result.words.push_back(word);
    }
    word = {"", 0, 0, 0};
    symbols_of_word = 0;
  };
  const auto close_run = [&] {
    if (run != blank && !spelling.texts[run].empty()) word.confidence += certainty;
  };
  for (int frame = 0; frame < frames; ++frame) {
    const int lane = frame % kLanes;
    if (lane == 0) {
      for (int next = 0; next < std::min(kLanes, frames - frame); ++next) {
        const float* row = rows + static_cast<size_t>(frame + next) * classes;
        for (int c = 0; c < classes; ++c) block[c * kLanes + next] = row[c];
      }
      FindBest(block.data(), classes, &best);
    }
    const float log_prob = best.log_probs[lane];
    result.score += log_prob;
    if (best.places[lane] == run && frame > 0) {
      certainty = std::max(certainty, log_prob);
      continue;
    }
    close_run();
    run = best.places[lane];
    certainty = log_prob;
    if (run == blank) continue;
    result.symbols.push_back(run);
    if (spelling.starts_word[run]) close_word();
    const std::string& text = spelling.texts[run];
    if (text.empty()) continue;
    if (symbols_of_word++ == 0) word.first = frame;
    word.last = frame;
    word.text += text;
  }
  close_run();
  close_word();
  return result;
}

}  // namespace ctc
