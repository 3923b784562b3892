"""The model of a command line, and a stream of it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from open_seq2seq.inference.recognizer import Recognizer
from open_seq2seq.messages import say
from open_seq2seq.streaming import (
    ENDPOINT_RULES,
    EndpointRule,
    Session,
    VoiceGate,
    WindowLengths,
    endpoint_rules_of,
)


def load_recognizer(flags: argparse.Namespace, rest: Sequence[str]) -> Recognizer:
    """The trained model, of a checkpoint or an exported folder.

    Args:
      flags: those of the command.
      rest: overrides of parameters.

    Raises:
      InputError: the command line, config, checkpoint or folder cannot be used.
    """
    if flags.exported:
        of_export = {name: getattr(flags, name) for name in ("runtime", "precision", "threads")}
        return Recognizer.load(flags.exported, rest, **of_export)
    checkpoint = _checkpoint(flags, rest) if flags.checkpoint else None
    return Recognizer.load(flags.config_file, rest, checkpoint, flags.enable_logs)


def _checkpoint(flags: argparse.Namespace, rest: Sequence[str]) -> Path:
    """The checkpoint that a folder means, which may be a run's log directory."""
    from open_seq2seq.config.loading import load_config
    from open_seq2seq.config.overrides import split_arguments
    from open_seq2seq.experiment import effective_params
    from open_seq2seq.training.transfer import named_checkpoint

    config = load_config(flags.config_file)
    names = tuple(vars(flags))
    params = effective_params(config, split_arguments(rest), "interactive_infer", names)
    best = config.base_model.PARAMS.fill(params)["restore_best_checkpoint"]
    return named_checkpoint(flags.checkpoint, best, "--checkpoint")


def open_session(recognizer: Recognizer, sample_freq: int, flags: argparse.Namespace) -> Session:
    """A stream, by windows that overlap where the model, or the command line, asks for them.

    Args:
      recognizer: the model.
      sample_freq: the rate of the samples that come, in Hz.
      flags: those of the command.

    Raises:
      InputError: an option cannot be used.
    """
    gate = None if flags.voice_gate is None else VoiceGate(flags.voice_gate)
    options: dict[str, Any] = {"endpoint_rules": endpoint_rules(flags), "voice_gate": gate}
    why = "--buffered" if flags.buffered else recognizer.why_no_stream()
    if why is None:
        if flags.chunk_seconds is not None:
            options["chunk_seconds"] = flags.chunk_seconds
        return recognizer.stream(sample_freq, **options)
    windows = WindowLengths(*flags.buffered) if flags.buffered else WindowLengths()
    if flags.chunk_seconds is not None:
        windows = windows._replace(chunk=flags.chunk_seconds)
    session = recognizer.buffered_stream(sample_freq, windows, **options)
    say(
        f"Windows that overlap ({windows.left:g} s, {windows.chunk:g} s and {windows.right:g} s "
        f"ahead), because of {why}"
    )
    return session


def endpoint_rules(flags: argparse.Namespace) -> list[EndpointRule]:
    """The rules of endpoints, with the times of the command line.

    Raises:
      InputError: a time is none.
    """
    times = {rule.name: getattr(flags, rule.name) for rule in ENDPOINT_RULES}
    return endpoint_rules_of(times, lambda name, seconds: f"--{name}={seconds:g}")
