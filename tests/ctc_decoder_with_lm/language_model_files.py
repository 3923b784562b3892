"""One small n-gram model as a file of every kind that can be read."""

from __future__ import annotations

import copy
import gzip
import subprocess
from pathlib import Path

import numpy as np

from ctc_decoder_with_lm.library import build_tool

from .arpa import NGramModel, random_model

WORDS = ("the", "cat", "sat", "mat", "bär", "it's")
# Kinds of binaries, as build_binary makes them. With more bins than values nothing is lost.
OPTIONS = {
    "probing": ("probing",),
    "rest_probing": ("-r", "LOWER", "probing"),
    "trie": ("trie",),
    "quant_trie": ("-q", "10", "-b", "10", "trie"),
    "array_trie": ("-a", "20", "trie"),
    "quant_array_trie": ("-q", "10", "-b", "9", "-a", "20", "trie"),
}
ROUGH = ("-q", "5", "-b", "5", "-a", "20", "trie")


def make_model(order: int = 3) -> NGramModel:
    return random_model(np.random.default_rng(order), WORDS, order, share=0.4)


def write_all(folder: Path, order: int = 3) -> dict[str, Path]:
    """Files of the same model by kind: arpa, gz, and the six binaries."""
    model = make_model(order)
    arpa = model.write(folder / "model.arpa")
    files = {"arpa": arpa, "gz": folder / "model.arpa.gz"}
    files["gz"].write_bytes(gzip.compress(arpa.read_bytes()))
    lower = [str(_lower(model, n).write(folder / f"{n}.arpa")) for n in range(1, order)]
    for kind, options in OPTIONS.items():
        given = [" ".join(lower) if option == "LOWER" else option for option in options]
        files[kind] = build_binary(arpa, folder / f"model.{kind}", *given)
    return files


def build_binary(arpa: Path, output: Path, *options: str) -> Path:
    """Runs KenLM's build_binary."""
    command = [str(build_tool()), *options, str(arpa), str(output)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return output


def _lower(model: NGramModel, order: int) -> NGramModel:
    lower = copy.copy(model)
    lower.order = order
    lower.ngrams = {words: value for words, value in model.ngrams.items() if len(words) <= order}
    return lower
