"""`decoder_params`: what OpenSeq2Seq put there for the head and for the search.

Defaults are OpenSeq2Seq's (`OPENSEQ2SEQ_RUN`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ctc_decoder_with_lm.scoring import PRESETS
from ctc_decoder_with_lm.search_options import OPENSEQ2SEQ_RUN, OPENSEQ2SEQ_RUN_SCORING
from open_seq2seq.config.schema import CALLABLE, Param, Params, Schema
from open_seq2seq.errors import Problem


def _check(values: Params, where: str) -> Iterator[Problem]:
    """Hot words are text, their weights numbers."""
    for phrase, weight in (values.get("hot_words") or {}).items():
        number = isinstance(weight, (int, float)) and not isinstance(weight, bool)
        if not isinstance(phrase, str) or not phrase.strip() or not number:
            place = f"{where}/hot_words" if where else "hot_words"
            words = phrase.strip() if isinstance(phrase, str) else ""
            remedy = f"Set hot_words to {{{words or 'a phrase'!r}: 5.0}}."
            found, expected = f"{phrase!r}: {weight!r}", "a phrase and its weight, a number"
            yield Problem(place, found, expected, remedy)


def _accepted(name: str, kind: Any, help: str, why: str) -> Param:
    """A parameter of old configs that does nothing."""
    return Param(name, kind, help, None, no_effect=why)


DECODER_PARAMS = Schema(
    "FullyConnectedCTCDecoder",
    [
        Param(
            "use_language_model",
            bool,
            "Beam search in evaluation and inference, with the language model of lm_path if "
            "there is one; without it the greedy path is taken.",
            False,
        ),
        Param(
            "infer_logits_to_pickle",
            bool,
            "In inference, write the logits of all utterances to a pickle file.",
            False,
        ),
        Param(
            "beam_width",
            int,
            "Hypotheses kept in beam search.",
            OPENSEQ2SEQ_RUN.beam_width,
            minimum=1,
        ),
        Param(
            "nbest",
            int,
            "Hypotheses in beam search's n-best list; with JSON lines in mode infer the "
            "default is 10.",
            OPENSEQ2SEQ_RUN.nbest,
            minimum=1,
        ),
        Param(
            "alpha",
            float,
            "Weight of the language model, in lm_scoring's unit. Without it, a scorer package "
            "of DeepSpeech gives its own; so it does beta and lm_scoring.",
            OPENSEQ2SEQ_RUN.alpha,
        ),
        Param("beta", float, "Bonus of each word.", OPENSEQ2SEQ_RUN.beta),
        Param(
            "trie_weight",
            float,
            "Weight of the trie's scores of unfinished words; of lm_scoring native_op.",
            OPENSEQ2SEQ_RUN.trie_weight,
        ),
        Param(
            "lm_path",
            str,
            "A KenLM binary, an ARPA file or a scorer package of DeepSpeech; None: no language "
            "model.",
            None,
        ),
        Param(
            "trie_path",
            str,
            "OpenSeq2Seq's trie file, for lm_scoring native_op; None: the trie is made from "
            "the language model.",
            None,
        ),
        Param(
            "alphabet_config_path",
            str,
            "OpenSeq2Seq's alphabet file: checked to be the data layer's vocabulary.",
            None,
        ),
        Param(
            "lm_scoring",
            str,
            "How scores are counted: native_op is OpenSeq2Seq's own beam search in run.py "
            "(log10), openseq2seq that of its scripts/decode.py (log10), standard is ours "
            "(natural logarithm).",
            OPENSEQ2SEQ_RUN_SCORING,
            choices=tuple(PRESETS),
        ),
        Param(
            "beam_threshold",
            float,
            "Hypotheses so much below the best (natural logarithm) are dropped; None: the "
            "decoder's default.",
            None,
            minimum=0,
        ),
        Param(
            "blank_penalty",
            float,
            "Subtracted from the blank's log probability (natural) in every frame of beam search: "
            "against deleted words, of networks that are too sure of blanks. Tuned as alpha is.",
            0.0,
        ),
        Param(
            "lexicon_path",
            str,
            "A text file with the words that may be recognised, one in each line; or their "
            "pronunciations: a word, a TAB and symbols of the vocabulary, separated by spaces "
            "(not with lm_scoring native_op and pyctcdecode). None: the words of the language "
            "model, where lm_scoring limits them.",
            None,
        ),
        Param("hot_words", dict, "Words and phrases that are likelier, with weights.", {}),
        Param(
            "decoder_threads",
            int,
            "Utterances that beam search decodes at the same time; None: one for each core.",
            None,
            minimum=1,
        ),
        _accepted(
            "decoder_library_path",
            str,
            "OpenSeq2Seq's beam search library; accepted, not used.",
            "the decoder does not load OpenSeq2Seq's library.",
        ),
        _accepted(
            "logits_to_outputs_func",
            CALLABLE,
            "OpenSeq2Seq's replacement of the decoding; accepted, not used.",
            "the decoding is the decoder's own.",
        ),
        _accepted(
            "tgt_vocab_size",
            int,
            "Accepted for old configs; the data layer's vocabulary counts.",
            "the data layer's vocabulary counts.",
        ),
        *(
            _accepted(
                name,
                object,
                "Of OpenSeq2Seq's first releases; accepted, not used.",
                "OpenSeq2Seq's first releases had it for their language model.",
            )
            for name in (
                "lm_weight",
                "word_count_weight",
                "valid_word_count_weight",
                "lm_binary_path",
                "lm_trie_path",
            )
        ),
    ],
    check=_check,
    summary="One dense layer; the transcript is its greedy path, or that of a beam search.",
)
