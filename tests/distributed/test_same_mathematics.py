"""Two workers with half of each batch make the updates of one with the whole.

The reference is one process without Horovod. Where sums are only taken in another order the
tolerance is float32's: 1e-5 of each variable's scale, after five updates (the worst found is 6e-6,
in a momentum).
"""

import numpy as np
import pytest

from tests.distributed.mathematics import (
    AS_ONE,
    CASES,
    global_batches,
    make,
    share,
    state,
    train,
)
from tests.distributed.processes import HERE

ROUNDING = 1e-5


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


@pytest.fixture(scope="module")
def trained(run_job, tmp_path_factory):
    """Every case by two workers."""
    return train_together(run_job, tmp_path_factory.mktemp("mathematics"), 2, CASES)


def close(found, expected, tolerance=ROUNDING):
    """Each array agrees to `tolerance` times its largest value (1 at least)."""
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        if name == "figures":
            np.testing.assert_allclose(found[name], value, rtol=1e-4, err_msg=name)
            continue
        scale = max(1.0, np.abs(value[np.isfinite(value)]).max(initial=0.0))
        np.testing.assert_allclose(found[name], value, rtol=0, atol=tolerance * scale, err_msg=name)


def variables(of, number):
    return {name: value for name, value in of.items() if name.startswith(f"{number}/")}


@pytest.mark.parametrize("name", CASES)
def test_all_workers_have_the_same_variables(trained, name):
    first, second = trained[name]
    assert first.keys() == second.keys() and len(first) > 5 * 10
    for key, value in first.items():
        np.testing.assert_array_equal(second[key], value, err_msg=key)


@pytest.mark.parametrize("name", AS_ONE)
def test_as_one_with_the_whole_batch(trained, name):
    case = CASES[name]
    expected = train(case, make(case), global_batches(case))
    close(trained[name][0], expected)
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
            close(of, expected)
            for key, value in found[0].items():
                np.testing.assert_array_equal(of[key], value, err_msg=key)


def kernel(of, number):
    """The first layer's, after so many batches."""
    return of[f"{number}/0"]


def moved(of):
    return np.abs(kernel(of, 4) - kernel(of, 0)).max()


def in_turn(case, workers=2):
    """One process that takes the workers' shares in turn and applies the mean of their gradients.

    Each share meets the moving statistics of before, and their mean is kept.
    """
    step = make(case, iter_size=workers)
    moving = [v for v in step.model.non_trainable_variables if "moving_" in v.path]
    assert moving
    found = {}
    for number, batch in enumerate(global_batches(case)):
        shares = [share(batch, rank, workers) for rank in range(workers)]
        shares = [one for one in shares if not one.filler]
        before, after = [np.array(v.value) for v in moving], []
        for one in shares:
            for variable, value in zip(moving, before):
                variable.assign(value)
            step(one, case.rate, case.scale, 0.5, update=one is shares[-1])
            after.append([np.array(v.value) for v in moving])
        for variable, *values in zip(moving, *after):
            variable.assign(np.mean(values, axis=0))
            assert not np.allclose(values[0], values[-1])
        found |= {f"{number}/{index}": value for index, value in enumerate(state(step))}
    return found


LOCAL = [name for name in CASES if name.startswith("local statistics")]


@pytest.mark.parametrize("name", LOCAL)
def test_local_statistics(trained, name):
    """Also in bfloat16 and float16, whose gradients are rounded for each worker's batch.

    The mean of gradients is that of shares of one size; where they differ no weight changes.
    """
    expected = in_turn(CASES[name])
    found = {key: value for key, value in trained[name][0].items() if key != "figures"}
    close(found, expected)
    assert (moved(expected) > 1e-2) == (CASES[name].rate > 0)


def distance(one, other):
    """Between the weights after the last batch, beside the way they have come."""
    return np.linalg.norm(kernel(one, 4) - kernel(other, 4)) / np.linalg.norm(
        kernel(other, 4) - kernel(other, 0)
    )


def test_bfloat16_as_one_with_the_whole_batch(trained):
    """Two workers round each one's gradient, one rounds their sum: neither is nearer to float32."""
    case = CASES["batch norm, bfloat16"]
    two, exact = trained["batch norm, bfloat16"][0], trained["batch norm"][0]
    one = train(case, make(case), global_batches(case))
    rounding = distance(one, exact)
    assert 0.01 < rounding < 0.2
    assert distance(two, one) < 1.3 * rounding
    assert distance(two, exact) < 1.3 * rounding


def test_float16_for_the_gradients_that_are_sent(trained):
    """They are rounded, and only to float16."""
    case = CASES["compressed"]
    expected = train(case, make(case), global_batches(case))
    assert 1e-6 < distance(trained["compressed"][0], expected) < 2e-3


class TestNotFinite:
    def test_losses_are_counted(self, trained):
        case = CASES["infinite losses"]
        loss, _, norm, count, _, bad, *_ = trained["infinite losses"][0]["figures"][1]
        size = case.sizes[1]
        assert (count, bad) == (size - len(case.infinite), len(case.infinite))
        assert np.isfinite([loss, norm]).all()

    @pytest.mark.parametrize("name", ["huge gradient", "huge gradient in a group"])
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

    def test_an_overflow_of_float16(self, trained):
        for of in trained["float16 that overflows"]:
            assert not np.isfinite(of["figures"][:, 2]).any()
            np.testing.assert_array_equal(kernel(of, 4), kernel(of, 0))
