import numpy as np
import pytest

from open_seq2seq.scoring.statistics import ErrorStatistics


@pytest.fixture(scope="module")
def scores():
    random = np.random.default_rng(1)
    reference = random.normal(size=(11, 5)).astype(np.float32)
    return reference + random.normal(size=(11, 5)).astype(np.float32) * 0.1, reference


def test_statistics_follow_their_definitions(scores):
    ours, theirs = scores
    error = np.abs(ours.astype(np.float64) - theirs.astype(np.float64))
    found = ErrorStatistics.of(ours, theirs)
    assert found.max_error == error.max()
    assert found.avg_error == pytest.approx(error.mean(), rel=1e-12)
    assert found.rms_error == pytest.approx(np.sqrt((error**2).mean()), rel=1e-12)
    assert found.stdev_error == pytest.approx(error.std(), rel=1e-9)
    assert found.frame_rms_error == pytest.approx(
        np.sqrt((error**2).mean(axis=1)).mean(), rel=1e-12
    )
    assert found.agreement == (ours.argmax(1) == theirs.argmax(1)).mean()
    assert found.max_relative_error == pytest.approx(
        (error / (abs(theirs) + 1e-20)).max(), rel=1e-6
    )
    assert found.max_reference == abs(theirs).max()


def test_the_square_of_rms_is_that_of_mean_and_deviation(scores):
    found = ErrorStatistics.of(*scores)
    assert found.rms_error**2 == pytest.approx(found.avg_error**2 + found.stdev_error**2)
    # The sample's own figures of WSJ, to the digits that it printed.
    mean, deviation, rms = 0.0448388, 0.0371649, 0.0582387
    assert mean**2 + deviation**2 == pytest.approx(rms**2, abs=1e-8)


def test_sums_over_utterances_weigh_by_their_numbers(scores):
    ours, theirs = scores
    parts = [ErrorStatistics.of(ours[part], theirs[part]) for part in (slice(0, 2), slice(2, 11))]
    together, whole = parts[0] + parts[1], ErrorStatistics.of(ours, theirs)
    assert together.to_json() == pytest.approx(whole.to_json())


def test_what_is_not_finite_is_counted_and_left_out():
    theirs = np.array([[1.0, -np.inf, 2.0], [0.0, 1.0, 2.0]])
    ours = np.array([[1.5, -np.inf, np.nan], [0.0, np.inf, 2.0]])
    found = ErrorStatistics.of(ours, theirs)
    assert (found.not_finite, found.count) == (2, 4)
    assert (found.max_error, found.avg_error) == (0.5, 0.125)
    assert found.agreeing == 0


def test_doubles_are_compared_as_doubles():
    ours = np.array([[1.0]], np.float32)
    assert ErrorStatistics.of(ours, np.array([[1.0 + 1e-12]])).max_error == pytest.approx(
        1e-12, rel=1e-3
    )
