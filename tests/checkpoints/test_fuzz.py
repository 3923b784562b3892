"""Damaged checkpoints and their records: read, or refused by an error of ours."""

import json

import numpy as np
import pytest

from open_seq2seq.checkpoints.best import BEST, best_checkpoint, mend_best, stored_best
from open_seq2seq.checkpoints.storage import (
    MODEL,
    OPTIMIZER,
    STATE,
    check_checkpoint,
    read_arrays,
    read_training_state,
    write_checkpoint,
)
from open_seq2seq.features.fingerprint import check_fingerprint
from open_seq2seq.training.progress import Progress
from open_seq2seq.training.training_cost import TrainingCost
from tests.fuzzing import COUNTS, fuzz_file

FEATURES = {
    "version": 1,
    "parameters": {"sample_freq": 8000, "window_size": 0.02, "mean": [0.5, 1.5], "pad": None},
    "shape": [60, 20],
    "numbers": [0.25, -1.5, 3.0],
}
STATE_OF = {
    "step": 12,
    "progress": {"step": 12, "epoch": 2, "position": 3, "data": {"utterances": 18}, "ahead": 0},
    "effort": {"seconds": 1.5, "evaluation_seconds": 0.5, "amount": 10.0, "sittings": 1,
               "counted_from": 0},
    "loss_scaling": None,
    "contract": {"vocabulary": [" ", "a", "b"], "features": FEATURES},
    "wer": 0.25,
}  # fmt: skip


@pytest.fixture
def checkpoint(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {
        "encoder/kernel": rng.standard_normal((3, 4)).astype(np.float32),
        "decoder/bias": np.zeros(4, np.float16),
        "random_state/0": np.array([1, 2], np.uint32),
    }
    return write_checkpoint(tmp_path, {MODEL: arrays, OPTIMIZER: arrays}, STATE_OF)


@pytest.mark.parametrize("count", COUNTS)
def test_arrays(checkpoint, count):
    def read(path):
        check_checkpoint(checkpoint, resumes=True)
        return read_arrays(path)

    was_read, refused = fuzz_file(read, checkpoint / MODEL, seed=1, count=count)
    assert was_read > count / 50 and refused > count / 2


@pytest.mark.parametrize("count", COUNTS)
def test_the_state(checkpoint, count):
    def read(path):
        state = read_training_state(checkpoint)
        TrainingCost().restore(state.get("effort"), state["step"])
        Progress.of(state["progress"]).changes({"utterances": 19})
        check_fingerprint(state["contract"]["features"], FEATURES)
        best_checkpoint(checkpoint.parent)

    was_read, refused = fuzz_file(read, checkpoint / STATE, seed=2, count=count)
    assert was_read > count / 50 and refused > count / 2


@pytest.mark.parametrize("count", COUNTS)
def test_the_record_of_the_best_is_never_in_the_way(checkpoint, count):
    entries = [{"value": 0.25, "step": 12, "name": "ckpt-12"}]
    (checkpoint.parent / BEST).write_text(json.dumps({"metric": "wer", "entries": entries}))
    found = []

    def read(path):
        one = best_checkpoint(checkpoint.parent)
        assert one is None or (one.parent == checkpoint.parent and one.is_dir())
        found.append(one)
        mend_best(checkpoint.parent)
        assert stored_best(checkpoint.parent)[1] == [] or one is not None

    _, refused = fuzz_file(read, checkpoint.parent / BEST, seed=3, count=count)
    assert refused == 0 and found.count(checkpoint) > count / 2
