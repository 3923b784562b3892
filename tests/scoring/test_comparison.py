import numpy as np
import pytest

from open_seq2seq.scoring.comparison import Comparison, Tolerance


@pytest.fixture
def comparison():
    zeros = np.zeros((4, 3), np.float32)
    return Comparison("output", {"a": zeros, "b": zeros, "c": zeros, "d": zeros + np.nan})


def test_utterances_are_matched_by_key_and_what_does_not_fit_is_listed(comparison):
    comparison.add("c", np.full((4, 3), 0.25, np.float32))
    comparison.add("a", np.full((4, 3), 0.75, np.float32))
    comparison.add("z", np.zeros((4, 3), np.float32))
    comparison.add("b", np.zeros((5, 3), np.float32))
    comparison.add("d", np.zeros((4, 3), np.float32))
    comparison.finish()
    assert comparison.total.max_error == 0.75
    assert comparison.worst == "a"
    assert (comparison.missing, comparison.extra) == ([], ["z"])
    assert comparison.misshaped == {"b": "5 x 3 scores, 4 x 3 in the reference"}
    assert comparison.not_finite == {"d": 12}
    assert comparison.complaints() == [
        "z: not in the reference.",
        "b: 5 x 3 scores, 4 x 3 in the reference.",
        "d: 12 scores are NaN or infinite, here or there.",
    ]
    assert comparison.exceeded(Tolerance(1.0)) == [
        "1 utterances extra", "1 utterances of another shape", "1 utterances with NaN or infinity",
    ]  # fmt: skip


def test_shapes_that_would_broadcast_are_not_compared(comparison):
    assert comparison.add("a", np.zeros((1, 3), np.float32)) is None
    assert "1 x 3 scores" in comparison.misshaped["a"]


def test_what_has_no_scores_is_missing(comparison):
    comparison.add("a", np.zeros((4, 3), np.float32))
    comparison.finish()
    assert comparison.missing == ["b", "c", "d"]
    assert comparison.exceeded(Tolerance(max_error=1)) == ["3 utterances missing"]


def test_other_keys_are_said(comparison):
    comparison.add("A-1", np.zeros((4, 3), np.float32))
    comparison.finish()
    assert (
        "No utterance of the reference has the key of one that was scored."
        in comparison.complaints()
    )
    assert "nothing was compared" in comparison.exceeded(Tolerance(max_error=1))


def test_the_verdict_has_two_bounds():
    zeros = np.zeros((4, 3), np.float32)
    comparison = Comparison("output", {"a": zeros, "b": zeros})
    comparison.add("a", zeros + np.float32(0.5))
    comparison.add("b", zeros + np.float32(0.25))
    comparison.finish()
    assert comparison.exceeded(Tolerance(0.5, 0.375)) == []
    assert comparison.exceeded(Tolerance(0.4, 0.3)) == [
        "max error 0.5000000 of a is above 0.4", "avg error 0.3750000 is above 0.3",
    ]  # fmt: skip
