"""Losses that are not finite: named, counted, limited."""

import numpy as np
import pytest

from open_seq2seq.data.manifest import Utterance
from open_seq2seq.errors import RunError
from open_seq2seq.training.nonfinite import NonFiniteGuard

UTTERANCES = [Utterance(f"/x/{i}.wav", f"{i}.wav", "a", None, f"m.csv:{i}") for i in range(100)]
FINE = np.ones(10, np.float32)


def batch(start):
    return np.arange(start, start + 10)


def test_files_are_named_and_counted(tmp_path, capsys):
    guard = NonFiniteGuard(tmp_path / "nonfinite.csv", UTTERANCES, 0.5)
    guard.check(1, batch(0), FINE, 2.0)
    assert guard.count == 0 and not guard.log_file.exists()
    losses = FINE.copy()
    losses[[3, 7]] = np.inf, np.nan
    guard.check(2, batch(10), losses, 2.0)
    assert guard.count == 2
    assert guard.log_file.read_text().splitlines()[1:] == ["2,13.wav,inf,2.0", "2,17.wav,nan,2.0"]
    printed = capsys.readouterr().out
    assert "13.wav" in printed and "17.wav" in printed
    segments = [Utterance("/x/l.wav", "l.wav", "a", 1.5, "m.csv:1", offset=2.25)] * 10
    guard = NonFiniteGuard(tmp_path / "segments.csv", segments, 0.5)
    guard.check(1, batch(0), losses, 2.0)
    assert guard.log_file.read_text().splitlines()[1] == "1,l.wav@2.25+1.5,inf,2.0"


def test_a_gradient_that_is_not_finite_affects_the_whole_batch(tmp_path):
    guard = NonFiniteGuard(tmp_path / "nonfinite.csv", UTTERANCES, 0.5)
    guard.check(1, batch(20), FINE, float("inf"))
    assert guard.count == 10


def test_the_share_of_the_last_thousand_is_limited(tmp_path):
    guard = NonFiniteGuard(tmp_path / "nonfinite.csv", UTTERANCES, 0.02)
    bad = FINE.copy()
    bad[0] = np.inf
    for step in range(20):
        guard.check(step, batch(0), bad, 1.0)
    for step in range(100):
        guard.check(step, batch(0), FINE, 1.0)  # the old ones leave the window
    for step in range(20):
        guard.check(step, batch(50), bad, 1.0)
    with pytest.raises(RunError, match=r"50\.wav") as raised:
        guard.check(999, batch(50), bad, 1.0)
    assert raised.value.exit_code == 1 and "max_nonfinite_share" in str(raised.value)
