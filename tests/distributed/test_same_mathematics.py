"""Two workers with half of each batch make the updates of one with the whole.

The reference is one process without Horovod. The limits follow from the arithmetic
(`mathematics.limits`); tests/training/test_other_processors.py tries them.
"""

import numpy as np
import pytest

from tests.distributed.mathematics import (
    AS_ONE,
    CASES,
    global_batches,
    in_turn,
    kernel,
    limits,
    make,
    moved,
    relative_limit,
    train,
)
from tests.distributed.processes import HERE
from tests.machines import need_bfloat16
from tests.rounding import UNIT_ROUNDOFF, assert_within


def train_together(run_job, folder, workers, names):
    """{case: variables and figures of each worker}, from one launch."""
    worker = HERE / "same_mathematics_worker.py"
    code, output = run_job(
        worker, folder, *names, processes=workers, timeout=560, launcher="horovodrun"
    )
    assert code == 0, output
    return {
        name: [dict(np.load(folder / f"{name}.{rank}.npz")) for rank in range(workers)]
        for name in names
    }


# Of the same kind as others; in the slow suite.
SLOW = {
    "plain",
    "groups",
    "local statistics",
    "clipping and average",
    "larc and regularizer",
    "huge gradient in a group",
    "local statistics, uneven",
    "local statistics, bfloat16",
    "batch norm, bfloat16",
    "float16 that overflows",
}


def cases(names):
    return [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in names]


@pytest.fixture(scope="module")
def trained(run_job, tmp_path_factory):
    """Every case by two workers: those that are not slow in one launch, the others in another."""

    class Trained(dict):
        def __missing__(self, name):
            names = [one for one in CASES if (one in SLOW) == (name in SLOW)]
            self.update(train_together(run_job, tmp_path_factory.mktemp("jobs"), 2, names))
            return self[name]

    return Trained()


def close(case, found, expected):
    """Each variable is within its limit; losses, norms and counts to five digits of float32."""
    assert found.keys() == expected.keys()
    limit = limits(case, expected)
    for name, value in expected.items():
        if name == "figures":
            np.testing.assert_allclose(found[name], value, rtol=1e-4, err_msg=name)
        else:
            same = found[name] == value  # where both are infinite
            assert_within(
                np.where(same, 0, found[name]), np.where(same, 0, value), limit[name], name
            )


def variables(of, number):
    return {name: value for name, value in of.items() if name.startswith(f"{number}/")}


@pytest.mark.parametrize("name", cases(CASES))
def test_all_workers_have_the_same_variables(trained, name):
    first, second = trained[name]
    assert first.keys() == second.keys() and len(first) > 5 * 10
    for key, value in first.items():
        np.testing.assert_array_equal(second[key], value, err_msg=key)


@pytest.mark.parametrize("name", cases(AS_ONE))
def test_as_one_with_the_whole_batch(trained, name):
    case = CASES[name]
    expected = train(case, make(case), global_batches(case))
    close(case, trained[name][0], expected)
    assert moved(expected) > 1e-2


@pytest.mark.slow
def test_three_workers(run_job, tmp_path):
    """Of which one or two have nothing in some batches: their copies of a row count nowhere."""
    local = "local statistics, uneven"
    names = ("plain", "batch norm", "groups", "infinite losses", local)
    for name, found in train_together(run_job, tmp_path, 3, names).items():
        case = CASES[name]
        if name == local:
            expected = in_turn(case, 3)
            expected["figures"] = found[0]["figures"]
        else:
            expected = train(case, make(case), global_batches(case))
        for of in found:
            close(case, of, expected)
            for key, value in found[0].items():
                np.testing.assert_array_equal(of[key], value, err_msg=key)


LOCAL = [name for name in CASES if name.startswith("local statistics")]


@pytest.mark.parametrize("name", cases(LOCAL))
def test_local_statistics(trained, name):
    """Also in bfloat16 and float16, whose gradients are rounded for each worker's batch.

    The mean of gradients is that of shares of one size; where they differ no weight changes.
    """
    case = CASES[name]
    expected = in_turn(case)
    found = {key: value for key, value in trained[name][0].items() if key != "figures"}
    close(case, found, expected)
    assert (moved(expected) > 1e-2) == (case.rate > 0)


def distance(one, other):
    """Between the weights after the last batch, beside the way they have come."""
    return np.linalg.norm(kernel(one, 4) - kernel(other, 4)) / np.linalg.norm(
        kernel(other, 4) - kernel(other, 0)
    )


@pytest.mark.slow
def test_bfloat16_as_one_with_the_whole_batch(trained):
    """Two workers round each one's gradient, one rounds their sum: neither is nearer to float32.

    The way from one to the other is at most the way over float32, which is the sum of both.
    """
    need_bfloat16()
    case = CASES["batch norm, bfloat16"]
    two, exact = trained["batch norm, bfloat16"][0], trained["batch norm"][0]
    one = train(case, make(case), global_batches(case))
    rounding = distance(one, exact)
    assert UNIT_ROUNDOFF["bfloat16"] < rounding < relative_limit(case)
    assert distance(two, one) < 2 * rounding
    assert distance(two, exact) < 2 * rounding
    # What it would be with each worker's own statistics.
    assert distance(in_turn(case.but(options={})), exact) > 2 * rounding


def test_float16_for_the_gradients_that_are_sent(trained):
    """They are rounded, and only to float16."""
    case = CASES["compressed"]
    expected = train(case, make(case), global_batches(case))
    found = distance(trained["compressed"][0], expected)
    # Each worker's gradient is rounded, and their sum; float32 alone would be a thousandth.
    assert UNIT_ROUNDOFF["float16"] / 100 < found < 2 * UNIT_ROUNDOFF["float16"]


class TestNotFinite:
    def test_losses_are_counted(self, trained):
        case = CASES["infinite losses"]
        loss, _, norm, count, _, bad, *_ = trained["infinite losses"][0]["figures"][1]
        size = case.sizes[1]
        assert (count, bad) == (size - len(case.infinite), len(case.infinite))
        assert np.isfinite([loss, norm]).all()

    @pytest.mark.parametrize("name", cases(["huge gradient", "huge gradient in a group"]))
    def test_a_gradient_of_one_worker(self, trained, name):
        """Finite losses; nothing changes in either, and training goes on."""
        first, second = trained[name]
        assert np.isfinite(first["figures"][1][0]) and first["figures"][1][5] == 0
        updated = first["figures"][:, 2]
        if name == "huge gradient":
            assert not np.isfinite(updated[1]) and np.isfinite(updated[[0, 2, 3, 4]]).all()
            for key in variables(first, 0):
                later = key.replace("0/", "1/", 1)
                np.testing.assert_array_equal(first[later], first[key], err_msg=key)
                np.testing.assert_array_equal(second[later], first[key], err_msg=key)
        else:
            # The group's other batch is used.
            assert np.isfinite(updated).all()
        assert np.abs(kernel(first, 3) - kernel(first, 1)).max() > 0

    @pytest.mark.slow
    def test_an_overflow_of_float16(self, trained):
        for of in trained["float16 that overflows"]:
            assert not np.isfinite(of["figures"][:, 2]).any()
            np.testing.assert_array_equal(kernel(of, 4), kernel(of, 0))
