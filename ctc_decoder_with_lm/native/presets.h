// The presets of scoring.py, written by python -m ctc_decoder_with_lm.presets.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "scoring.h"

namespace ctc {

inline Scoring StandardScoring() {
  Scoring scoring;
  return scoring;
}

inline Scoring Openseq2seqScoring() {
  Scoring scoring;
  scoring.natural_unit = false;
  scoring.end_of_sentence = false;
  scoring.unknown_score = -1000.0f;
  scoring.unknown_in_window = true;
  scoring.partial_word = PartialWord::kNone;
  scoring.collapse_spaces = false;
  scoring.merge_texts = false;
  scoring.min_cutoff = true;
  return scoring;
}

inline Scoring NativeOpScoring() {
  Scoring scoring;
  scoring.natural_unit = false;
  scoring.end_of_sentence = false;
  scoring.unknown_score = -100.0f;
  scoring.unknown_in_window = true;
  scoring.constrain = false;
  scoring.partial_word = PartialWord::kTrie;
  scoring.partial_score = -100.0f;
  scoring.collapse_spaces = false;
  scoring.empty_words = true;
  scoring.repeat_final_bonus = true;
  scoring.merge_texts = false;
  return scoring;
}

inline Scoring DeepspeechScoring() {
  Scoring scoring;
  scoring.end_of_sentence = false;
  scoring.unknown_score = -1000.0f;
  scoring.unknown_in_window = true;
  scoring.partial_word = PartialWord::kNone;
  scoring.collapse_spaces = false;
  scoring.merge_texts = false;
  scoring.min_cutoff = true;
  scoring.start_blank = 0.999f;
  return scoring;
}

inline Scoring PyctcdecodeScoring() {
  Scoring scoring;
  scoring.unknown = Unknown::kAdd;
  scoring.unknown_score = -23.0258509f;
  scoring.constrain = false;
  scoring.partial_word = PartialWord::kUnknown;
  scoring.empty_last_word = true;
  scoring.separate_ends = true;
  return scoring;
}

inline Scoring FlashlightScoring() {
  Scoring scoring;
  scoring.natural_unit = false;
  scoring.max_merge = true;
  scoring.complete_words_first = true;
  scoring.separate_ends = true;
  scoring.cut_entering_only = true;
  scoring.lookahead_from_start = true;
  return scoring;
}

inline std::vector<std::pair<std::string, Scoring>> Presets() {
  std::vector<std::pair<std::string, Scoring>> presets;
  presets.emplace_back("standard", StandardScoring());
  presets.emplace_back("openseq2seq", Openseq2seqScoring());
  presets.emplace_back("native_op", NativeOpScoring());
  presets.emplace_back("deepspeech", DeepspeechScoring());
  presets.emplace_back("pyctcdecode", PyctcdecodeScoring());
  presets.emplace_back("flashlight", FlashlightScoring());
  return presets;
}

}  // namespace ctc
