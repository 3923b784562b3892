"""Checkpoints: complete or absent, refused when they do not fit, best ones remembered."""

import contextlib
import json
import multiprocessing
import os
import signal
import threading
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from open_seq2seq.checkpoints import storage
from open_seq2seq.checkpoints.background import CheckpointWriter
from open_seq2seq.checkpoints.best import BestCheckpoints, best_checkpoint
from open_seq2seq.checkpoints.storage import (
    EMA,
    MODEL,
    OPTIMIZER,
    checkpoints,
    keep_newest,
    latest_checkpoint,
    read_arrays,
    read_state,
    write_checkpoint,
)
from open_seq2seq.checkpoints.variables import (
    named_variables,
    restore,
    save_checkpoint,
    snapshot,
)
from open_seq2seq.errors import InputError, RunError
from open_seq2seq.optimizers.weight_average import WeightAverage


def make_model(width=3, seed=0):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.layers.Dense(width, name="first"), keras.layers.Dropout(0.5)], name="model"
    )
    model.build((None, 4))
    optimizer = keras.optimizers.Adam()
    optimizer.build(model.trainable_variables)
    return model, optimizer


def values(variables):
    named = named_variables(variables)
    return {name: np.array(v.value) for name, v in named.items()}


def test_everything_comes_back_bit_for_bit(tmp_path):
    model, optimizer = make_model(seed=1)
    for variable in (*model.variables, *optimizer.variables):
        variable.assign(np.full(variable.shape, 7).astype(variable.dtype))
    path = save_checkpoint(tmp_path, model, optimizer, {"step": 12, "note": "x"})
    other, other_optimizer = make_model(seed=2)
    restore(path, other, other_optimizer)
    for mine, theirs in ((model, other), (optimizer, other_optimizer)):
        before, after = values(mine.variables), values(theirs.variables)
        assert before.keys() == after.keys()
        assert all(np.array_equal(before[name], after[name]) for name in before)
    assert any(name.startswith("random_state/") for name in values(model.variables))
    assert read_state(path) == {"step": 12, "note": "x"}


def test_a_failed_write_leaves_earlier_checkpoints_and_no_draft(tmp_path, monkeypatch):
    model, optimizer = make_model()
    save_checkpoint(tmp_path, model, optimizer, {"step": 1})

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage, "save_file", full)
    with pytest.raises(RunError, match="No space left"):
        save_checkpoint(tmp_path, model, optimizer, {"step": 2})
    assert os.listdir(tmp_path) == ["ckpt-1"]


def test_a_draft_of_a_dead_process_is_not_a_checkpoint_and_is_cleaned_up(tmp_path):
    model, optimizer = make_model()
    (tmp_path / ".ckpt-9.123.tmp").mkdir()
    save_checkpoint(tmp_path, model, optimizer, {"step": 1})
    assert latest_checkpoint(tmp_path) == tmp_path / "ckpt-1"
    keep_newest(tmp_path, 5)
    assert os.listdir(tmp_path) == ["ckpt-1"]


def test_the_newest_are_kept_by_number_not_by_name(tmp_path):
    model, _ = make_model()
    for step in (9, 10, 100):
        save_checkpoint(tmp_path, model, None, {"step": step})
    keep_newest(tmp_path, 2)
    assert [p.name for p in checkpoints(tmp_path)] == ["ckpt-10", "ckpt-100"]


def test_all_differences_are_listed(tmp_path):
    model, _ = make_model(width=3)
    path = save_checkpoint(tmp_path, model, None, {"step": 1})
    other, _ = make_model(width=5)
    with pytest.raises(InputError) as raised:
        restore(path, other)
    assert len(raised.value.problems) == 2
    assert "shape (4, 3)" in str(raised.value) and "(4, 5)" in str(raised.value)


@pytest.mark.parametrize("name", ["model.safetensors", "state.json"])
@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_damaged_checkpoint_is_named(tmp_path, name, damage):
    model, _ = make_model()
    path = save_checkpoint(tmp_path, model, None, {"step": 1})
    if damage == "gone":
        (path / name).unlink()
    else:
        (path / name).write_bytes((path / name).read_bytes()[:9])
    with pytest.raises(InputError, match=name):
        read_state(path)
        restore(path, model)


def test_the_best_are_remembered_over_restarts(tmp_path):
    model, _ = make_model()

    def best():
        return BestCheckpoints(tmp_path, "wer", 2)

    offered = [(1, 0.5), (2, 0.7), (3, 0.4), (4, float("nan")), (5, 0.3), (6, 0.3)]
    kept = [best().offer(value, model, {"step": step}) for step, value in offered]
    assert kept == [True, False, True, False, True, False]
    assert [p.name for p in checkpoints(tmp_path)] == ["ckpt-3", "ckpt-5"]
    assert best_checkpoint(tmp_path) == tmp_path / "ckpt-5"
    assert best().best == 0.3
    assert json.loads((tmp_path / "best.json").read_text())["metric"] == "wer"


def step(value):
    """Arrays and state of a checkpoint: all have the value of the step."""
    arrays = {f"v{i}": np.full((64, 64), value, np.float32) for i in range(8)}
    return {MODEL: arrays}, {"step": value, "progress": {"position": value}}


def held_at(path):
    """The step of a checkpoint, all of which was read."""
    arrays = read_arrays(path / MODEL)
    (value,) = {int(v) for array in arrays.values() for v in np.unique(array)}
    assert len(arrays) == 8
    assert read_state(path) == step(value)[1]
    assert path.name == f"ckpt-{value}"
    return value


def test_a_snapshot_is_not_changed_by_later_steps(tmp_path):
    """The optimizer's compiled update writes into the memory of the variables."""
    model, optimizer = make_model()
    average = WeightAverage(model.trainable_variables, 0.9)
    average.start()

    @tf.function
    def update():
        optimizer.apply([tf.ones(v.shape) for v in model.trainable_variables])
        for mean in average.averages:
            mean.assign_add(tf.ones(mean.shape))

    update()
    before = [values(model.variables), values(optimizer.variables)]
    averages = [np.array(mean.value) for mean in average.averages]
    files = snapshot(model, optimizer, average)
    update()
    assert not np.array_equal(values(model.variables)["first/kernel"], before[0]["first/kernel"])
    assert list(files) == [MODEL, OPTIMIZER, EMA]
    for held, expected in zip(files.values(), before):
        assert held.keys() == expected.keys()
        assert all(np.array_equal(held[name], expected[name]) for name in held)
    for held, expected in zip(files[EMA].values(), averages, strict=True):
        np.testing.assert_array_equal(held, expected)
    path = write_checkpoint(tmp_path, files, {"step": 1})
    restore(path, model, optimizer)
    assert np.array_equal(values(model.variables)["first/kernel"], before[0]["first/kernel"])


@pytest.fixture
def slow(monkeypatch):
    """Arrays are not written before this is set."""
    go, save_file = threading.Event(), storage.save_file

    def wait(arrays, path):
        assert go.wait(600)
        save_file(arrays, path)

    monkeypatch.setattr(storage, "save_file", wait)
    return go


def test_training_goes_on_while_a_checkpoint_is_written(tmp_path, slow):
    writer = CheckpointWriter()
    for number in (9, 10):
        files, state = step(number)
        assert writer.save(tmp_path, files, state, 1) == tmp_path / f"ckpt-{number}"
        state["progress"]["position"] = -1  # the next step's
    assert checkpoints(tmp_path) == []
    slow.set()
    writer.wait()
    assert [held_at(path) for path in checkpoints(tmp_path)] == [10]
    assert os.listdir(tmp_path) == ["ckpt-10"]


def test_a_later_save_or_the_end_tells_of_a_failed_write(tmp_path, monkeypatch):
    writer = CheckpointWriter()
    writer.save(tmp_path, *step(1), 5)
    writer.wait()

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(storage, "save_file", full)
        writer.save(tmp_path, *step(2), 1)
        with pytest.raises(RunError, match=r"ckpt-2 could not be written: .*No space left"):
            writer.wait()
        with pytest.raises(RunError, match="free some space and go on with --continue_learning"):
            for number in (3, 4, 5):  # as one is written and one waits, the last one must know
                writer.save(tmp_path, *step(number), 1)
        with contextlib.suppress(RunError):
            writer.wait()
    assert os.listdir(tmp_path) == ["ckpt-1"]
    assert held_at(tmp_path / "ckpt-1") == 1
    writer.save(tmp_path, *step(6), 1)
    writer.wait()
    assert os.listdir(tmp_path) == ["ckpt-6"]


def test_a_model_that_was_not_asked_for_is_not_the_best(tmp_path):
    go, over = threading.Event(), threading.Event()

    def fail():
        go.wait(600)
        raise RunError("disk")

    writer = CheckpointWriter()
    best = BestCheckpoints(tmp_path, "wer", 2, writer)
    writer.submit(fail)
    writer.submit(over.set)
    go.set()
    assert over.wait(600)
    with pytest.raises(RunError, match="disk"):
        best.offer(0.5, make_model()[0], {"step": 1})
    assert best.best == float("inf")


def test_the_best_are_known_before_they_are_written(tmp_path, slow):
    model, _ = make_model()
    writer = CheckpointWriter()
    best = BestCheckpoints(tmp_path, "wer", 2, writer)
    kernel = model.layers[0].kernel
    said = []
    for number, value in [(1, 0.5), (2, 0.7), (3, 0.4), (4, float("nan")), (5, 0.4)]:
        kernel.assign(np.full(kernel.shape, number))
        said.append(best.offer(value, model, {"step": number}))
    assert said == [True, False, True, False, False]
    assert not (tmp_path / "best.json").exists()
    slow.set()
    assert best.offer(0.3, model, {"step": 6})
    writer.wait()
    assert best_checkpoint(tmp_path) == tmp_path / "ckpt-6"
    kept = {path.name: path for path in checkpoints(tmp_path)}
    assert list(kept) == ["ckpt-3", "ckpt-6"]
    arrays = read_arrays(kept["ckpt-3"] / MODEL)
    assert (arrays["first/kernel"] == 3).all()
    assert read_state(kept["ckpt-3"]) == {"step": 3, "wer": 0.4}
    assert BestCheckpoints(tmp_path, "wer", 2).best == 0.3


def _write_on(folder, first):
    """A process that does nothing but save."""
    writer = CheckpointWriter()
    for number in range(first, 100_000):
        writer.save(folder, *step(number), 2)


def test_a_killed_process_leaves_whole_checkpoints(tmp_path):
    """Killed again and again at any moment; the next process goes on and cleans up."""
    context = multiprocessing.get_context("fork")
    rng = np.random.default_rng(0)
    write_checkpoint(tmp_path, *step(1))
    drafts = newest = kills = 0
    # Often enough, and until one was killed while it wrote.
    while kills < 12 or (drafts == 0 and kills < 500):
        kills += 1
        process = context.Process(target=_write_on, args=(tmp_path, newest + 1))
        process.start()
        while latest_checkpoint(tmp_path).name == f"ckpt-{newest}":
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.02))
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        drafts += len(list(tmp_path.glob(".ckpt-*.tmp")))
        found = [held_at(path) for path in checkpoints(tmp_path)]
        assert found and found[-1] >= newest
        newest = found[-1]
    assert drafts > 0, f"{kills} kills, none while it wrote"
    keep_newest(tmp_path, 2)
    assert all(name.startswith("ckpt-") for name in os.listdir(tmp_path))
