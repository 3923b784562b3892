"""The decoder is called in random ways, in another process: a crash is a failed test."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


def fuzz(seed, rounds, path):
    command = [sys.executable, "-W", "ignore", "-m", "tests.ctc_decoder_with_lm.fuzz_binding"]
    done = subprocess.run(
        [*command, str(seed), str(rounds), str(path)],
        capture_output=True,
        text=True,
        timeout=3000,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONFAULTHANDLER": "1"},
    )
    assert done.returncode == 0, done.stderr[-4000:]
    decoded, refused = map(int, done.stdout.split())
    assert decoded + refused == rounds
    assert decoded > rounds // 10 and refused > rounds // 10


def test_random_calls(language_model_files):
    fuzz(1, 250, language_model_files["trie"])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["arpa", "probing", "trie", "quant_array_trie"])
def test_many_random_calls(language_model_files, kind):
    for seed in range(10, 14):
        fuzz(seed, 3000, language_model_files[kind])
