"""What `open-seq2seq score` does."""

from __future__ import annotations

import argparse
import json
import logging
import math
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict

import numpy as np

from open_seq2seq.commands.scoring.flags import check_flags
from open_seq2seq.commands.scoring.inputs import (
    Tables,
    input_tables,
    output_list,
    path_of,
    wanted_outputs,
)
from open_seq2seq.commands.scoring.lines import (
    output_lines,
    speed_lines,
    total_lines,
    utterance_lines,
)
from open_seq2seq.commands.scoring.loading import Loaded, load
from open_seq2seq.commands.scoring.log import SampleLog
from open_seq2seq.console import ProgressBar
from open_seq2seq.files import check_outputs
from open_seq2seq.messages import messages_shown
from open_seq2seq.scoring.comparison import Comparison, Tolerance
from open_seq2seq.scoring.named_lists import Named, assigned
from open_seq2seq.scoring.opening import output_names
from open_seq2seq.scoring.tables import ScoreWriter, open_scores, open_table
from open_seq2seq.scoring.utterances import Scored, scored


def run(flags: argparse.Namespace) -> int:
    """Scores, compares, and says so; returns the exit code.

    Raises:
      OpenSeq2SeqError: something cannot be used, or fails.
    """
    log = SampleLog(flags.quiet or flags.json, sys.stderr if flags.json else None)
    check_flags(flags)
    files = output_list(flags.output, flags.output_layers, "-o")
    references = output_list(flags.reference, flags.output_layers, "-r")
    check_outputs({f"-o {one.value}": path_of(one.value) for one in files})
    check_outputs({"-wg": flags.export_gna_model})
    tables = input_tables(flags)
    compared = [(one, open_table(one.value, flags.allow_pipes)) for one in references]
    level = logging.WARNING if log.quiet else logging.INFO
    with messages_shown(level, to_stderr=flags.json, prefix="[ INFO ] "):
        loaded = load(flags, tables, wanted_outputs(flags, files, references), log)
        if flags.export_gna_model:
            loaded.export(flags.export_gna_model)
            log.result(f"The compiled model is in {flags.export_gna_model}")
            return 0
        return _score(flags, loaded, files, compared, log)


def _score(
    flags: argparse.Namespace, loaded: Loaded, files: list[Named], compared: Tables, log: SampleLog
) -> int:
    model, utterances = loaded.model, loaded.utterances
    assert utterances is not None, "there are features where something is scored"
    references = [one for one, _ in compared]
    named = wanted_outputs(flags, files, references)
    outputs = output_names(model, named)
    by_output = assigned(files, outputs, "-o")
    places = [one._replace(value=str(place)) for place, one in enumerate(references)]
    comparisons = {
        name: Comparison(name, compared[int(place)][1])
        for name, place in assigned(places, outputs, "-r").items()
    }
    if not named and (files or compared):
        left = [name for name in outputs if name not in {*by_output, *comparisons}]
        if left:
            log.info(f"Not asked for: {', '.join(left)}. -o name=file has them too.")
        outputs = [name for name in outputs if name not in left]
    log.info("Starting inference in synchronous mode")
    seconds, frames, rows = 0.0, 0, []
    with ExitStack() as stack:
        writers = {name: stack.enter_context(open_scores(file)) for name, file in by_output.items()}
        bar = stack.enter_context(ProgressBar("utterances", len(utterances), interval=math.inf))
        batch = flags.batch_size or 1
        results = scored(model, utterances, outputs, batch, flags.no_reset_state)
        for number, one in enumerate(results):
            seconds, frames = seconds + one.seconds, frames + one.frames
            loaded.observe(one.inputs)
            rows.append(_report(number, one, writers, comparisons, log))
            bar.advance(one.key)
    log.info("\n".join(speed_lines(seconds, frames, flags.frame_shift)))
    for name, file in by_output.items():
        log.info(f'Saving results from "{name}" layer to {file}')
    if flags.performance_counter:
        loaded.layer_times(log)
    loaded.report(log)
    code, verdict = _verdict(flags, comparisons, log)
    if flags.json:
        result = {
            "model": flags.model or flags.import_gna_model,
            "about": model.about,
            "precision": model.precision,
            "notes": model.notes,
            "scale_factors": loaded.scales,
            "utterances": rows,
            "seconds": seconds,
            "frames": frames,
            "real_time_factor": seconds / (frames * flags.frame_shift),
            "files": by_output,
            "comparisons": {name: one.to_json() for name, one in comparisons.items()},
            "layers": [asdict(one) for one in loaded.layers],
            "verdict": verdict,
        }
        print(json.dumps(result, indent=1))
    return code


def _report(
    number: int,
    one: Scored,
    writers: Mapping[str, ScoreWriter],
    comparisons: Mapping[str, Comparison],
    log: SampleLog,
) -> dict[str, object]:
    """Writes and compares an utterance's scores, and says so."""
    lines = utterance_lines(number, one.key, one.frames, one.seconds)
    for name, scores in one.scores.items():
        if name in writers:
            writers[name].write(one.key, np.asarray(scores, np.float32))
        statistics = comparisons[name].add(one.key, scores) if name in comparisons else None
        lines += output_lines(name, scores.shape[1], statistics)
        bad = int(np.count_nonzero(~np.isfinite(scores)))
        if bad and name not in comparisons:
            log.warning(f"{one.key}: {bad} scores of {name} are NaN or infinite.")
    log.info("\n".join(lines))
    shapes = {name: list(scores.shape) for name, scores in one.scores.items()}
    return {"key": one.key, "frames": one.frames, "seconds": one.seconds, "scores": shapes}


def _verdict(
    flags: argparse.Namespace, comparisons: Mapping[str, Comparison], log: SampleLog
) -> tuple[int, str | None]:
    """The exit code, and what is said of all utterances."""
    tolerance = Tolerance(flags.max_error, flags.avg_error)
    reasons = []
    for one in comparisons.values():
        one.finish()
        log.info()
        log.result("\n".join(total_lines(one)))
        for complaint in one.complaints():
            log.warning(complaint)
        reasons += [f"{one.output}: {reason}" for reason in one.exceeded(tolerance)]
    if not comparisons or not tolerance.is_set:
        return 0, None
    if reasons:
        log.result(f"FAILED: {'; '.join(reasons)}.")
        return 1, "failed"
    log.result("PASSED: the scores are within the tolerance.")
    return 0, "passed"
