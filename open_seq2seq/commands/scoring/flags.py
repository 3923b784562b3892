"""What the flags of a command line mean."""

from __future__ import annotations

import argparse

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.scoring.devices import parse_device
from open_seq2seq.scoring.gna.quantizing import Rules
from open_seq2seq.scoring.kaldi_model import KaldiOptions
from open_seq2seq.scoring.named_lists import parse_list
from open_seq2seq.scoring.opening import ModelOptions
from open_seq2seq.scoring.tensor_model import Context

_MOST_TOGETHER = 8  # frames that GNA computes at once


def check_flags(flags: argparse.Namespace) -> None:
    """Looks at all values that have bounds.

    Raises:
      InputError: some are outside, or ask for what is not possible.
    """
    problems = []

    def check(flag: str, value: float | None, least: float, most: float, what: str) -> None:
        if value is not None and not least <= value <= most:
            problems.append(Problem(flag, f"{value:g}", what))

    huge = float("inf")
    check("-bs", flags.batch_size, 1, huge, "a whole number from 1 on")
    check("-nthreads", flags.threads, 1, huge, "a whole number from 1 on")
    check("-cw_l", flags.context_window_left, 0, huge, "a whole number from 0 on")
    check("-cw_r", flags.context_window_right, 0, huge, "a whole number from 0 on")
    check("-pwl_me", flags.pwl_me, 0, 100, "percent, 0 to 100")
    check("--max_error", flags.max_error, 0, huge, "a number from 0 on")
    check("--avg_error", flags.avg_error, 0, huge, "a number from 0 on")
    check("--frame_shift", flags.frame_shift, 1e-6, 1e6, "seconds above 0")
    check("--online_ivector_period", flags.online_ivector_period, 1, huge, "a whole number from 1")
    check("--frames_per_chunk", flags.frames_per_chunk, 1, huge, "a whole number from 1 on")
    check("--frame_subsampling_factor", flags.frame_subsampling_factor, 1, 100, "1 to 100")
    if (flags.max_error is not None or flags.avg_error is not None) and not flags.reference:
        problems.append(Problem("--max_error, --avg_error", "no -r", "reference scores"))
    if flags.export_embedded_gna_model:
        problems.append(
            Problem(
                "-we",
                "a firmware image of GNA",
                "-wg, which writes a model for -rg",
                "Only Intel's own library made such images.",
            )
        )
    if flags.quantization == "dynamic":
        problems.append(
            Problem(
                "-q dynamic",
                "a scale for each batch",
                "-q static or -q user",
                "OpenVINO dropped it as well.",
            )
        )
    if problems:
        raise InputError("The command line asks for what cannot be:", problems)


def kaldi_options(flags: argparse.Namespace) -> KaldiOptions:
    """How Kaldi models are prepared."""
    return KaldiOptions(
        feature_transform=flags.feature_transform,
        counts=flags.counts,
        no_priors=flags.no_priors,
        counts_rule=flags.counts_rule,
        prior_scale=flags.prior_scale,
        remove_output_softmax=flags.remove_output_softmax,
        apply_log=flags.apply_log,
        frame_subsampling=flags.frame_subsampling_factor,
    )


def model_options(flags: argparse.Namespace, outputs: tuple[str, ...]) -> ModelOptions:
    """How the model is opened.

    Args:
      flags: the command line.
      outputs: names of outputs that are wanted.
    """
    return ModelOptions(
        device=parse_device(flags.device),
        precision=flags.precision,
        runtime=flags.runtime,
        threads=flags.threads,
        layout=flags.layout,
        context=Context(flags.context_window_left, flags.context_window_right),
        outputs=outputs,
        first_outputs=_bare_files(flags) if not outputs else None,
        kaldi=kaldi_options(flags),
        profile=flags.performance_counter,
    )


def _bare_files(flags: argparse.Namespace) -> int | None:
    """How many outputs files without names are of; None: there are no files."""
    counts = [len(parse_list(one, "-o, -r")) for one in (flags.output, flags.reference)]
    return max(counts) or None


def rules_of(flags: argparse.Namespace) -> Rules:
    """How a network is quantised."""
    target = (flags.exec_target or flags.compile_target or "").upper()
    generation = 3 if target.startswith(("GNA_TARGET_3", "GNA_TARGET_4")) else 2
    frames = min(flags.batch_size or 1, _MOST_TOGETHER)
    return Rules(flags.quantization_bits, flags.pwl_me, frames, generation)
