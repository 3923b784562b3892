"""Consistency-regularised CTC in runs."""

import shutil

import pytest


@pytest.mark.slow
def test_going_on_is_as_never_having_stopped(run, corpus):
    """The masks that the device draws go on where they were."""
    loss = "--loss_params={'consistency_weight': 0.2, 'consistency_masks': {'n_time_mask': 2}}"
    common = ("--mode=train", loss, "--max_steps=6", "--save_checkpoint_steps=4")
    code, _, err = run(*common, f"--logdir={corpus}/whole")
    assert code == 0, err
    shutil.copytree(corpus / "whole/ckpt-4", corpus / "again/ckpt-4")
    code, _, err = run(*common, f"--logdir={corpus}/again", "--continue_learning")
    assert code == 0, err
    one, other = (corpus / name / "ckpt-6/model.safetensors" for name in ("whole", "again"))
    assert one.read_bytes() == other.read_bytes()
