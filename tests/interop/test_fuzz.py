"""Damaged checkpoints of TensorFlow 1: read, or refused by an error of ours."""

import numpy as np
import pytest

from open_seq2seq.interop.openseq2seq.tensorflow1_checkpoint import OldCheckpoint
from tests.fuzzing import COUNTS, fuzz_file
from tests.interop.old_checkpoints import write

ARRAYS = {
    "ForwardPass/w2l_encoder/conv11/kernel": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "ForwardPass/w2l_encoder/conv11/bn/gamma": np.ones(4, np.float16),
    "Loss_Optimization/loss_scale": np.float32(7).reshape(()),
}


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("suffix", [".index", ".data-00000-of-00001", ""])
def test_old_checkpoints(tmp_path, suffix, count):
    prefix = write(tmp_path, ARRAYS, version=1 if suffix == "" else 2)

    def read(path):
        old = OldCheckpoint(prefix)
        for name in old.shapes:
            old.value(name)
            old.purpose(name, [])
        return old.step

    path = tmp_path / f"model.ckpt-7{suffix}"
    _, refused = fuzz_file(read, path, seed=8, count=count)
    assert refused > count / 3
