"""What `open-seq2seq decode` does, step by step."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ctc_decoder_with_lm.search_options import OPENSEQ2SEQ_DECODE_SCORING
from open_seq2seq.decode_result import DecodeResult
from open_seq2seq.decoders.beam_search import (
    lexicon_note,
    make_beam_search,
    scorer_defaults,
    scoring_named,
)
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.metrics.error_rate import ErrorCounts, count_errors
from open_seq2seq.native_build.cpu import available_cores
from open_seq2seq.stored_logits import outputs
from open_seq2seq.stored_logits.grid import GridPoint, GridSearch, grid_values
from open_seq2seq.stored_logits.grid_report import (
    border_note,
    digits,
    draw_grid,
    grid_table,
    plateau_note,
    point_text,
    write_grid,
)
from open_seq2seq.stored_logits.hot_words import read_hot_words
from open_seq2seq.stored_logits.search import Search, decode_greedily
from open_seq2seq.stored_logits.stored import Stored, read_stored
from open_seq2seq.vocabulary import is_separated

_UNITS = "Weights of other tools: see the table of units in docs/decoding.md."

_SEARCH = ("beam_threshold", "token_threshold", "blank_penalty", "cutoff_top_n", "cutoff_prob")

# A context manager with `advance(status)`, made from a label and a total.
ProgressMaker = Callable[[str, int], Any]


@dataclass
class _Job:
    """All that was read: logits, symbols, and the decoder over them."""

    flags: argparse.Namespace
    stored: Stored
    search: Search
    progress: ProgressMaker

    def decode(self, alpha: float, beta: float, nbest: int = 1) -> list[DecodeResult]:
        """All utterances at one alpha and beta."""
        label = f"alpha {alpha:g}, beta {beta:g}"
        with self.progress(label, self.search.chunks) as bar:
            return self.search.decode(alpha, beta, nbest, lambda: bar.advance(""))


@dataclass(frozen=True)
class Measured:
    """What mode eval found.

    Args:
      references, names: [utterance].
      greedy, best: transcripts [utterance] without and with beam search, lower-cased.
      greedy_errors: of the former; None: they are phonemes, and the references words.
      point: alpha, beta and the error rates of the latter.
      points: how many alphas and betas it is the best of.
    """

    references: list[str]
    names: list[str]
    greedy: list[str]
    greedy_errors: ErrorCounts | None
    best: list[str]
    point: GridPoint
    points: int


def decode(flags: argparse.Namespace, progress: ProgressMaker) -> Measured | None:
    """Decodes as the flags say, which have been checked; prints what it finds.

    Returns:
      The figures of mode eval; None in mode infer.

    Raises:
      InputError: a file cannot be used.
      RunError: a result cannot be written.
    """
    fill_from_package(flags)
    job = _read(flags, progress)
    if flags.mode == "eval":
        return _evaluate(job)
    alpha, beta = flags.alpha or 0.0, flags.beta or 0.0
    results = _decode_timed(job, alpha, beta)
    outputs.write_transcripts(flags.infer_output_file, job.stored.utterances, results)
    print(f"{len(results)} transcripts are in {flags.infer_output_file}")
    _write_results(job, results, alpha, beta)
    return None


def fill_from_package(flags: argparse.Namespace) -> None:
    """Alpha, beta and scoring that are not given: those of a scorer package among the models.

    Raises:
      InputError: a language model cannot be read, or there is no package and no alpha or beta.
    """
    incomplete = flags.scoring is None or flags.alpha is None or flags.beta is None
    if flags.lm and incomplete:
        found = scorer_defaults(flags.lm, flags.scoring, flags.alpha, flags.beta, "--scoring")
        if found:
            flags.scoring, flags.alpha, flags.beta = found
    flags.scoring = flags.scoring or OPENSEQ2SEQ_DECODE_SCORING
    problems = [
        Problem(f"--{name}", "nothing", "a number with --lm", _UNITS)
        for name in ("alpha", "beta")
        if flags.lm and getattr(flags, name) is None
    ]
    if problems:
        raise InputError("The flags do not fit together:", problems)


def _read(flags: argparse.Namespace, progress: ProgressMaker) -> _Job:
    scoring = scoring_named(flags.scoring, "--scoring")
    stored = read_stored(
        flags.logits,
        flags.labels,
        flags.vocab,
        flags.bpe_model,
        flags.step_size,
        need_reference=flags.mode == "eval",
        text_normalization=flags.text_normalization,
        blank=flags.blank,
    )
    options: dict[str, Any] = {
        name: getattr(flags, name) for name in _SEARCH if getattr(flags, name) is not None
    }
    if flags.hot_words:
        options["hot_words"] = read_hot_words(flags.hot_words)
    if flags.lm_weights:
        options["weights"] = flags.lm_weights
    symbols, step_size = stored.vocabulary.symbols, stored.step_size
    decoder = make_beam_search(symbols, flags.lm, scoring, step_size, flags.trie, flags.lexicon)
    threads = flags.num_threads or available_cores()
    search = Search(decoder, stored.utterances, flags.beam_width, threads, options)
    for note in [*stored.notes, lexicon_note(decoder)]:
        if note:
            print(note)
    print(f"{len(stored.utterances)} utterances, {stored.seconds:.0f} s; {threads} threads")
    if flags.lm:
        print(f"Scoring {flags.scoring}: alpha multiplies {scoring.unit} probabilities")
    else:
        print("No language model: alpha has no effect")
    return _Job(flags, stored, search, progress)


def _evaluate(job: _Job) -> Measured:
    flags, stored = job.flags, job.stored
    greedy = decode_greedily(stored.utterances, stored.vocabulary, stored.step_size)
    empty = sum(not result.text.strip() for result in greedy)
    print(f"Empty greedy predictions: {empty} of {len(greedy)}")
    greedy_texts = [stored.lower(result.text) for result in greedy]
    errors = count_errors(stored.references, greedy_texts)
    greedy_errors: ErrorCounts | None = errors
    if not is_separated(stored.vocabulary.symbols):
        print(f"Greedy WER = {errors.words.rate:.4f}")
        print(f"Greedy CER = {errors.characters.rate:.4f}")
    elif not job.search.decoder.pronounced:
        print(f"Greedy PER = {errors.words.rate:.4f} (so is what is called WER below)")
    else:
        greedy_errors = None
        print("Greedy PER: not counted, as greedy texts are phonemes and the labels are words")

    alphas = grid_values(flags.alpha or 0.0, flags.alpha_max, flags.alpha_step)
    betas = grid_values(flags.beta or 0.0, flags.beta_max, flags.beta_step)
    search = GridSearch(stored.references, alphas, betas, job.decode, stored.lower)
    started = time.monotonic()
    if flags.exact_grid or len(alphas) * len(betas) == 1:
        search.decode_all()
    else:
        search.estimate_and_decode()
    seconds = time.monotonic() - started
    _print_grid(search, seconds, stored.seconds, flags.grid_table)
    if flags.grid_file:
        write_grid(Path(flags.grid_file), search)
    if flags.grid_plot:
        title = f"{Path(flags.logits).name}, {flags.scoring}, beam {flags.beam_width}"
        draw_grid(Path(flags.grid_plot), search, title)
    best = search.best
    results = search.results[best.alpha, best.beta]
    _write_results(job, results, best.alpha, best.beta)
    texts = [stored.lower(result.text) for result in results]
    names = [utterance.name for utterance in stored.utterances]
    count = len(search.points)
    return Measured(stored.references, names, greedy_texts, greedy_errors, texts, best, count)


def _print_grid(search: GridSearch, seconds: float, audio_seconds: float, as_table: bool) -> None:
    """Every point once: on a line of its own as OpenSeq2Seq printed it, or in a table."""
    precision = digits([*search.alphas, *search.betas])
    points = list(search.points.values())
    if as_table:
        print(f"{grid_table(search)}\n* best, ~ estimate")
    for point in () if as_table else points:
        estimate = "" if point.exact else " (estimate)"
        print(f"{point_text(point, precision)}: WER={point.wer:.4f}{estimate}")
    if len(points) > 1:
        exact = sum(point.exact for point in points)
        print(
            f"{exact} of {len(points)} points were decoded, the others are estimates "
            "(--exact_grid decodes all)."
            if exact < len(points)
            else "Every point was decoded."
        )
        print()
    speed = audio_seconds * len(search.results) / max(seconds, 1e-9)
    print(f"Decoded {len(search.results)} times in {seconds:.1f} s ({speed:.0f}x real time each)")
    print(f"BEST: {point_text(search.best, precision)}, WER={search.best.wer:.4f}", end="")
    print(f", CER={search.best.cer:.4f}")
    for note in (plateau_note(search), border_note(search)):
        if note:
            print(note)


def _decode_timed(job: _Job, alpha: float, beta: float) -> list[DecodeResult]:
    started = time.monotonic()
    results = job.decode(alpha, beta)
    seconds = time.monotonic() - started
    print(f"Decoded in {seconds:.1f} s ({job.stored.seconds / max(seconds, 1e-9):.0f}x real time)")
    return results


def _n_best_lists(
    job: _Job, results: list[DecodeResult], alpha: float, beta: float
) -> list[DecodeResult]:
    """The same with n-best lists, where an output has them.

    They are decoded once more: making them for every point of a grid would take most of the time.
    """
    flags = job.flags
    # All that the beam holds at the end for OpenSeq2Seq's dump.
    nbest = flags.beam_width if flags.dump_all_beams_to else flags.nbest
    if nbest == 1 or not (flags.dump_all_beams_to or flags.nbest_file):
        return results
    return job.decode(alpha, beta, nbest)


def _write_results(job: _Job, results: list[DecodeResult], alpha: float, beta: float) -> None:
    """Writes what the flags ask for besides the transcripts."""
    flags = job.flags
    lists = _n_best_lists(job, results, alpha, beta)
    if flags.nbest_file:
        outputs.write_json_lines(flags.nbest_file, job.stored.utterances, lists, flags.nbest)
    if flags.dump_all_beams_to:
        outputs.write_beams(flags.dump_all_beams_to, lists)
    if flags.output_file:
        outputs.write_utterances(
            flags.output_file, job.stored.utterances, results, job.stored.lower
        )
    if flags.ctm:
        outputs.write_ctm(flags.ctm, job.stored.utterances, results)
    written = [
        path
        for path in (
            flags.output_file,
            flags.nbest_file,
            flags.ctm,
            flags.dump_all_beams_to,
            flags.grid_file,
            flags.grid_plot,
        )
        if path
    ]
    if written:
        print(f"Written: {', '.join(written)}")
