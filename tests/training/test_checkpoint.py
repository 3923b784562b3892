"""Checkpoints: complete or absent, refused when they do not fit, best ones remembered."""

import json
import os

import keras
import numpy as np
import pytest

from open_seq2seq.errors import InputError, RunError
from open_seq2seq.training import checkpoint


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
    named = checkpoint.named_variables(variables)
    return {name: np.array(v.value) for name, v in named.items()}


def test_everything_comes_back_bit_for_bit(tmp_path):
    model, optimizer = make_model(seed=1)
    for variable in (*model.variables, *optimizer.variables):
        variable.assign(np.full(variable.shape, 7).astype(variable.dtype))
    path = checkpoint.save_checkpoint(tmp_path, model, optimizer, {"step": 12, "note": "x"})
    other, other_optimizer = make_model(seed=2)
    checkpoint.restore(path, other, other_optimizer)
    for mine, theirs in ((model, other), (optimizer, other_optimizer)):
        before, after = values(mine.variables), values(theirs.variables)
        assert before.keys() == after.keys()
        assert all(np.array_equal(before[name], after[name]) for name in before)
    assert any(name.startswith("random_state/") for name in values(model.variables))
    assert checkpoint.read_state(path) == {"step": 12, "note": "x"}


def test_a_failed_write_leaves_earlier_checkpoints_and_no_draft(tmp_path, monkeypatch):
    model, optimizer = make_model()
    checkpoint.save_checkpoint(tmp_path, model, optimizer, {"step": 1})

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(RunError, match="No space left"):
        checkpoint.save_checkpoint(tmp_path, model, optimizer, {"step": 2})
    assert os.listdir(tmp_path) == ["ckpt-1"]


def test_a_draft_of_a_dead_process_is_not_a_checkpoint_and_is_cleaned_up(tmp_path):
    model, optimizer = make_model()
    (tmp_path / ".ckpt-9.123.tmp").mkdir()
    checkpoint.save_checkpoint(tmp_path, model, optimizer, {"step": 1})
    assert checkpoint.latest_checkpoint(tmp_path) == tmp_path / "ckpt-1"
    checkpoint.keep_newest(tmp_path, 5)
    assert os.listdir(tmp_path) == ["ckpt-1"]


def test_the_newest_are_kept_by_number_not_by_name(tmp_path):
    model, _ = make_model()
    for step in (9, 10, 100):
        checkpoint.save_checkpoint(tmp_path, model, None, {"step": step})
    checkpoint.keep_newest(tmp_path, 2)
    assert [p.name for p in checkpoint.checkpoints(tmp_path)] == ["ckpt-10", "ckpt-100"]


def test_all_differences_are_listed(tmp_path):
    model, _ = make_model(width=3)
    path = checkpoint.save_checkpoint(tmp_path, model, None, {"step": 1})
    other, _ = make_model(width=5)
    with pytest.raises(InputError) as raised:
        checkpoint.restore(path, other)
    assert len(raised.value.problems) == 2
    assert "shape (4, 3)" in str(raised.value) and "(4, 5)" in str(raised.value)


@pytest.mark.parametrize("name", ["model.safetensors", "state.json"])
@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_damaged_checkpoint_is_named(tmp_path, name, damage):
    model, _ = make_model()
    path = checkpoint.save_checkpoint(tmp_path, model, None, {"step": 1})
    if damage == "gone":
        (path / name).unlink()
    else:
        (path / name).write_bytes((path / name).read_bytes()[:9])
    with pytest.raises(InputError, match=name):
        checkpoint.read_state(path)
        checkpoint.restore(path, model)


def test_the_best_are_remembered_over_restarts(tmp_path):
    model, _ = make_model()

    def best():
        return checkpoint.BestCheckpoints(tmp_path, "wer", 2)

    offered = [(1, 0.5), (2, 0.7), (3, 0.4), (4, float("nan")), (5, 0.3), (6, 0.3)]
    kept = [best().offer(value, model, {"step": step}) for step, value in offered]
    assert kept == [True, False, True, False, True, False]
    assert [p.name for p in checkpoint.checkpoints(tmp_path)] == ["ckpt-3", "ckpt-5"]
    assert checkpoint.best_checkpoint(tmp_path) == tmp_path / "ckpt-5"
    assert best().best == 0.3
    assert json.loads((tmp_path / "best.json").read_text())["metric"] == "wer"
