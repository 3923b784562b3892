"""Facts of an evaluation that its figures depend on, name to text; none of them needs Keras."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import open_seq2seq
from open_seq2seq.files import JsonObject
from open_seq2seq.native_build.cpu import available_cores, cpu_name
from open_seq2seq.runs.record import git_state
from open_seq2seq.version import __version__


def decoding_facts(decoder: JsonObject) -> dict[str, str]:
    """How texts were found, with what changes them.

    Args:
      decoder: filled `decoder_params`.
    """
    if not decoder["use_language_model"]:
        return {"Decoding": "greedy"}
    scoring = decoder["lm_scoring"]
    facts = {
        "Decoding": f"beam search, width {decoder['beam_width']}, scoring {scoring}",
        "Language model": decoder["lm_path"] or "none",
    }
    if decoder["lm_path"]:
        facts |= {"Alpha": f"{decoder['alpha']:g}", "Beta": f"{decoder['beta']:g}"}
    if decoder.get("blank_penalty"):
        facts["Blank penalty"] = f"{decoder['blank_penalty']:g}"
    if decoder["hot_words"]:
        words = (f"{phrase} {weight:g}" for phrase, weight in decoder["hot_words"].items())
        facts["Hot words"] = ", ".join(words)
    return facts


def place_facts(gpus: Sequence[str] = ()) -> dict[str, str]:
    """When and where it was measured, and with which version of the program.

    Args:
      gpus: the names of those that were used.
    """
    git = git_state(Path(open_seq2seq.__file__).parent)
    commit = f", commit {git['commit'][:9]}" if git["commit"] else ""
    changed = " with changes" if git["commit"] and git["diff"] else ""
    return {
        "Date": time.strftime("%Y-%m-%d %H:%M:%S %z"),
        "Machine": ", ".join([f"{cpu_name()}, {available_cores()} cores", *gpus]),
        "Version": f"open-seq2seq {__version__}{commit}{changed}",
    }
