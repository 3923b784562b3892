"""Chooses from n-best lists with a neural language model.

open-seq2seq decode ... --nbest=100 --nbest_file=nbest.jsonl
open-seq2seq rescore --nbest=nbest.jsonl --halves --output=rescored.jsonl --csv=rescored.csv \\
    --config_file=example_configs/text/transformer_lm.py

score = acoustic_score + w_lm lm_score + w_nlm log P(text) + w_words (number of words), natural
logs. The weights are given (--lm_weight, --nlm_weight, --word_weight), or OpenSeq2Seq's
(--openseq2seq: the decoder's score + log P), or found with references: with --halves on every
other utterance, and measured on the others; with --dev_nbest on other lists; else on the
utterances themselves, which flatters the result. --beam_dump reads OpenSeq2Seq's dump of beams.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from open_seq2seq.commands.error_output import print_error
from open_seq2seq.commands.parser import command_parser
from open_seq2seq.errors import InputError, OpenSeq2SeqError, Problem
from open_seq2seq.files import JsonObject, check_outputs

if TYPE_CHECKING:
    import numpy as np

    from open_seq2seq.language_models.nbest import NBest


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = command_parser(__doc__, prog)
    add = parser.add_argument
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--nbest", help="JSON lines of scripts/decode.py")
    source.add_argument("--beam_dump", help="OpenSeq2Seq's dump of all beams")
    add("--config_file", required=True, help="the config of the neural language model")
    add("--logdir", help="of its run, instead of the config's")
    add("--checkpoint", help="one of its checkpoints, instead of the newest or best")
    add("--reference", help="a manifest with the texts, where the lists have none")
    add("--lm_weight", type=float, help="w_lm")
    add("--nlm_weight", type=float, help="w_nlm")
    add("--word_weight", type=float, help="w_words")
    add("--openseq2seq", action="store_true", help="weights 1, 1 and 0")
    add("--halves", action="store_true", help="weights from every other utterance")
    add("--dev_nbest", help="weights from these lists, which have references")
    add("--output", help="JSON lines with the lists in their new order")
    add("--csv", help="wav_filename, predicted_transcript")
    add("--beam_dump_with_lm", help="OpenSeq2Seq's dump with the neural scores")
    flags = parser.parse_args(arguments)
    given = [flags.lm_weight, flags.nlm_weight, flags.word_weight]
    if sum([flags.openseq2seq, flags.halves, bool(flags.dev_nbest), given != [None] * 3]) > 1:
        parser.error("weights, --openseq2seq, --halves and --dev_nbest exclude each other")
    try:
        names = ("output", "csv", "beam_dump_with_lm")
        check_outputs({f"--{name}": getattr(flags, name) for name in names})
        _rescore(flags, given)
    except OpenSeq2SeqError as error:
        return print_error(error)
    return 0


def _rescore(flags: argparse.Namespace, given: list[float | None]) -> None:
    # After the flags: `--help` need not wait for Keras.
    import numpy as np

    from open_seq2seq.inference.language_model_scorer import LanguageModelScorer
    from open_seq2seq.language_models.nbest import (
        read_nbest,
        write_beam_dump,
        write_rescored,
        write_transcripts,
    )
    from open_seq2seq.language_models.rescoring import (
        DECODER,
        OPENSEQ2SEQ,
        Candidates,
        Weights,
        WordErrors,
        tune,
    )

    lists = read_nbest(flags.nbest or flags.beam_dump, flags.reference)
    known = all(one.reference is not None for one in lists)
    weights = None
    if flags.openseq2seq:
        weights = OPENSEQ2SEQ
    elif given != [None] * 3:
        weights = Weights(*(d if g is None else g for d, g in zip((1.0, 0.0, 0.0), given)))
    if weights is None and not flags.dev_nbest and not known:
        remedy = "Give --reference, --dev_nbest, or the weights."
        where = flags.nbest or flags.beam_dump
        problem = Problem(where, "utterances without references", "references", remedy)
        raise InputError("The weights cannot be found:", [problem])
    overrides = [f"--logdir={flags.logdir}"] if flags.logdir else []
    scorer = LanguageModelScorer.load(flags.config_file, overrides, flags.checkpoint)
    _say_unknown(*scorer.unknown_words([h.text for one in lists for h in one.hypotheses]), flags)

    def scored(many: Sequence[NBest]) -> list[list[float]]:
        flat = iter(scorer.log_probabilities([h.text for one in many for h in one.hypotheses]))
        return [[float(next(flat)) for _ in one.hypotheses] for one in many]

    nlm = scored(lists)
    count = sum(len(one.hypotheses) for one in lists)
    print(f"{len(lists)} utterances, {count} hypotheses scored")
    candidates = Candidates(lists, nlm)
    errors = WordErrors(lists) if known else None
    measured, rows = "all utterances", np.arange(len(lists))
    if weights is None and flags.dev_nbest:
        dev = read_nbest(flags.dev_nbest)
        if any(one.reference is None for one in dev):
            problem = Problem(flags.dev_nbest, "utterances without references", "references")
            raise InputError("The weights cannot be found:", [problem])
        weights = tune(Candidates(dev, scored(dev)), WordErrors(dev))
        print(f"Weights from {len(dev)} utterances of {flags.dev_nbest}")
    elif weights is None and errors is not None:
        if flags.halves:
            weights = tune(candidates, errors, rows[::2])
            rows, measured = rows[1::2], f"the other {len(rows[1::2])} utterances"
            print("Weights from every other utterance")
        else:
            weights = tune(candidates, errors)
            measured = "the same utterances: not what other ones would have"
            print("Weights from the utterances themselves")
    assert weights is not None
    print(f"lm {weights.lm:g}, nlm {weights.nlm:g}, words {weights.words:g}")
    chosen = candidates.best(weights)
    texts = candidates.texts(chosen)
    if errors is not None:
        from open_seq2seq.metrics.error_rate import count_errors

        print(f"On {measured}:")
        wanted = [lists[row].reference or "" for row in rows]
        first = candidates.best(DECODER)
        for title, columns in (
            ("decoder", first),
            ("rescored", chosen),
            ("oracle of the lists", errors.oracle()),
        ):
            these = candidates.texts(columns)
            counts = count_errors(wanted, [these[row] for row in rows])
            words, characters = counts.words, counts.characters
            print(
                f"    {title}: WER {words.rate:.2%} ({words.errors} of {words.total}), "
                f"CER {characters.rate:.2%}"
            )
    if flags.output:
        scores = candidates.scores(weights)
        write_rescored(flags.output, lists, _orders(lists, nlm, scores))
    if flags.csv:
        write_transcripts(flags.csv, lists, texts)
    if flags.beam_dump_with_lm:
        write_beam_dump(flags.beam_dump_with_lm, lists, nlm)
    written = [flags.output, flags.csv, flags.beam_dump_with_lm]
    for path in filter(None, written):
        print(f"Written: {Path(path)}")


def _say_unknown(unknown: list[str], words: int, flags: argparse.Namespace) -> None:
    """Says which words of the hypotheses the neural model does not know, or that it knows none."""
    if not unknown:
        return
    shown = f"{', '.join(map(repr, unknown[:5]))}{', ...' if len(unknown) > 5 else ''}"
    if len(unknown) == words:
        found = f"none of the {words} different words of the hypotheses ({shown})"
        remedy = "Upper and lower case, or a model of another language or unit?"
        problem = Problem(flags.config_file, found, "words that both have", remedy)
        raise InputError("The language model does not know these texts:", [problem])
    verb = "is" if len(unknown) == 1 else "are"
    print(
        f"{len(unknown)} of {words} different words of the hypotheses {verb} not in the language "
        f"model's vocabulary and count as <UNK>: {shown}."
    )


def _orders(
    lists: Sequence[NBest], nlm: Sequence[Sequence[float]], scores: np.ndarray
) -> list[list[JsonObject]]:
    """The hypotheses of each utterance as JSON objects, the best by the new scores first."""
    orders: list[list[JsonObject]] = []
    for row, one in enumerate(lists):
        count = len(one.hypotheses)
        ranked = sorted(range(count), key=lambda column: -scores[row, column])
        orders.append(
            [
                {
                    "text": one.hypotheses[column].text,
                    "score": float(scores[row, column]),
                    "acoustic_score": one.hypotheses[column].acoustic_score,
                    "lm_score": one.hypotheses[column].lm_score,
                    "nlm_score": nlm[row][column],
                }
                for column in ranked
            ]
        )
    return orders
