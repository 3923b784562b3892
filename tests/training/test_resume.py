"""A process killed in mid-epoch and continued ends with the same weights, bit for bit."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

RUN = Path(__file__).parents[2] / "run.py"
STEPS = 60


def start(corpus, logdir, *arguments):
    command = [sys.executable, str(RUN), f"--config_file={corpus / 'config.py'}", "--mode=train"]
    command += [f"--logdir={logdir}", f"--max_steps={STEPS}", "--save_checkpoint_steps=7"]
    return subprocess.Popen(
        [*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def finish(process):
    output = process.communicate(timeout=600)[0].decode()
    assert process.returncode == 0, output
    return output


# Everything that has a state: sums of gradients, averages, the loss scale.
ALL = ("--iter_size=3", "--ema_decay=0.9", "--dtype=mixed_float16", "--loss_scaling=Backoff",
       "--loss_scaling_params={'scale_max': 1e9, 'step_window': 4}")  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), ALL])
def test_sigkill_in_mid_epoch_changes_nothing(corpus, more):
    whole = start(corpus, corpus / "whole", *more)
    finish(whole)

    killed = start(corpus, corpus / "killed", *more)
    # 18 utterances in batches of 4: 5 batches an epoch, so step 14 is within one.
    while not (corpus / "killed/ckpt-14").is_dir():
        assert killed.poll() is None, killed.communicate()[0].decode()
        time.sleep(0.005)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert not (corpus / f"killed/ckpt-{STEPS}").exists(), "it ended before it could be killed"

    output = finish(start(corpus, corpus / "killed", "--continue_learning", *more))
    assert "Resuming training from" in output
    names = ["model.safetensors", "optimizer.safetensors", *(["ema.safetensors"] if more else [])]
    for name in names:
        expected = load_file(corpus / f"whole/ckpt-{STEPS}" / name)
        found = load_file(corpus / f"killed/ckpt-{STEPS}" / name)
        assert expected.keys() == found.keys()
        for key, value in expected.items():
            np.testing.assert_array_equal(found[key], value, err_msg=key)
