"""How hypotheses are scored: rules with a name.

Every toolkit means something else by "alpha" and treats unknown words, the end of the sentence
and unfinished words in its own way. Here each of these choices is a field, and a preset is a
set of them. With all of them

    score = acoustic + sum over words (alpha * LM + beta) + boosts of hot words

where `acoustic` is the natural log of the probability of the symbols under CTC.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from ctc_decoder_with_lm.errors import InputError, Problem

_CHOICES = {
    "unit": ("natural", "log10"),
    "unknown": ("lm", "replace", "add"),
    "lexicon": ("constrain", "none"),
    "partial_word": ("none", "lookahead", "trie", "unknown"),
    "merge": ("sum", "max"),
    "lm_unit": ("auto", "word", "token"),
}


@dataclass(frozen=True)
class Scoring:
    """The rules of a decoder; see `PRESETS` for sets of them that other tools use.

    Args:
      unit: what alpha multiplies: "natural" logarithms or "log10". The same hypothesis has
        alpha_natural = alpha_log10 / 2.3026.
      begin_of_sentence: the first word is scored after `<s>`.
      end_of_sentence: `</s>` is scored at the end.
      unknown: how a word counts that the language model does not know: "lm": by the model's
        `<unk>`; "replace": by `unknown_score` alone; "add": by `<unk>` plus `unknown_score`.
      unknown_score: of a word, in `unit`, to be multiplied by alpha.
      unknown_in_window: an n-gram with an unknown word anywhere in it counts as unknown.
      lexicon: "constrain": hypotheses consist of known words (those of the language model,
        or a given list); "none": of any symbols.
      partial_word: what the unfinished last word counts in the ranking: "none": nothing;
        "lookahead": the best unigram among the words it can still become, taken back at
        its end; "trie": trie_weight times the worst unigram among them for every symbol,
        never taken back (OpenSeq2Seq's operation); "unknown": `partial_score` as long as no
        word begins so, more for long ones, taken back at its end (pyctcdecode).
      partial_score: of "trie" (log10, when no word begins so) and "unknown" (natural log).
      merge: a prefix' probability is the "sum" over its alignments, or the best one, "max".
      lm_unit: what the language model scores: "word", "token" (each symbol of the network),
        or "auto": tokens if all its words are symbols.
      collapse_spaces: spaces at the start and after a space change nothing.
      empty_words: a space at the start ends an unknown, empty word (OpenSeq2Seq's operation).
      repeat_final_bonus: a hypothesis that ends in a space gets its last word's score a
        second time (OpenSeq2Seq's operation).
      complete_words_first: hypotheses with an unfinished last word only win when there is
        none without (flashlight).
      empty_last_word: after a space at the end an unknown empty word is scored (pyctcdecode).
      merge_texts: hypotheses that differ only in spaces at the end are added up; False: the
        better one counts.
      separate_ends: alignments of a prefix that end in a blank, and those that end in its last
        symbol, take a place in the beam each, and are dropped on their own (pyctcdecode,
        flashlight).
      recombine: with a language model: of hypotheses that will be treated alike from now on
        (the same context of the language model, the same unfinished word), only those go on
        that no other one surpasses, so that the beam holds more that differ. The others
        come back at the end, in n-best lists and confidences, with the score that they had
        in relation to their survivor (pyctcdecode's `prune_history` forgets them).
      min_cutoff: with a full beam, nothing goes from a hypothesis by a symbol when the two
        together score less than the worst one with a blank, less max(0, beta)
        (OpenSeq2Seq's decoders/ and DeepSpeech; it loses a little probability).
      cut_entering_only: cutoffs of symbols spare blanks and repetitions (flashlight).
      lookahead_from_start: "lookahead" takes the scores of words after `<s>`, not those
        without context (flashlight).
      start_blank: frames before the first one with P(blank) below this are left out
        (DeepSpeech); 2: none.
    """

    unit: str = "natural"
    begin_of_sentence: bool = True
    end_of_sentence: bool = True
    unknown: str = "replace"
    unknown_score: float = -25.0
    unknown_in_window: bool = False
    lexicon: str = "constrain"
    partial_word: str = "lookahead"
    partial_score: float = -10.0
    merge: str = "sum"
    lm_unit: str = "auto"
    collapse_spaces: bool = True
    empty_words: bool = False
    repeat_final_bonus: bool = False
    complete_words_first: bool = False
    empty_last_word: bool = False
    merge_texts: bool = True
    separate_ends: bool = False
    recombine: bool = False
    min_cutoff: bool = False
    cut_entering_only: bool = False
    lookahead_from_start: bool = False
    start_blank: float = 2.0

    def __post_init__(self) -> None:
        problems = [
            Problem(name, repr(getattr(self, name)), "one of " + ", ".join(choices))
            for name, choices in _CHOICES.items()
            if getattr(self, name) not in choices
        ]
        problems += [
            Problem(name, repr(getattr(self, name)), "a finite number")
            for name in ("unknown_score", "partial_score", "start_blank")
            if not math.isfinite(getattr(self, name))
        ]
        if problems:
            raise InputError("These scoring rules cannot be used:", problems)

    @staticmethod
    def preset(name: str) -> Scoring:
        """A named set of rules.

        Raises:
          InputError: there is none of that name.
        """
        if name not in PRESETS:
            problem = Problem("scoring", repr(name), "one of " + ", ".join(PRESETS))
            raise InputError("There are no such scoring rules:", [problem])
        return PRESETS[name]

    def as_dict(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


PRESETS = {
    # Ours.
    "standard": Scoring(recombine=True),
    # OpenSeq2Seq's decoders/ (package ctc_decoders, after Baidu's and PaddlePaddle's).
    "openseq2seq": Scoring(
        unit="log10",
        end_of_sentence=False,
        unknown_score=-1000.0,
        unknown_in_window=True,
        partial_word="none",
        collapse_spaces=False,
        merge_texts=False,
        min_cutoff=True,
    ),
    # OpenSeq2Seq's TensorFlow operation ctc_beam_search_decoder_with_lm.
    "native_op": Scoring(
        unit="log10",
        end_of_sentence=False,
        unknown_score=-100.0,
        unknown_in_window=True,
        lexicon="none",
        partial_word="trie",
        partial_score=-100.0,
        lm_unit="word",
        collapse_spaces=False,
        empty_words=True,
        repeat_final_bonus=True,
        merge_texts=False,
    ),
    # Mozilla's and Coqui's DeepSpeech.
    "deepspeech": Scoring(
        end_of_sentence=False,
        unknown_score=-1000.0,
        unknown_in_window=True,
        partial_word="none",
        collapse_spaces=False,
        merge_texts=False,
        min_cutoff=True,
        start_blank=0.999,
    ),
    # pyctcdecode 0.5: -10 is added to log10, hence -10 ln 10 here.
    "pyctcdecode": Scoring(
        unknown="add",
        unknown_score=-10.0 * math.log(10.0),
        lexicon="none",
        partial_word="unknown",
        lm_unit="word",
        empty_last_word=True,
        separate_ends=True,
        recombine=True,
    ),
    # flashlight-text's lexicon decoder, as torchaudio sets it up.
    "flashlight": Scoring(
        unit="log10",
        merge="max",
        lm_unit="word",
        complete_words_first=True,
        separate_ends=True,
        cut_entering_only=True,
        lookahead_from_start=True,
    ),
}
