"""Training on two hosts ends with the weights of two workers on one.

The hosts are network namespaces of this machine, each with its own name, address and sshd; what
the launchers and Horovod see differs from two machines only in the shared files, and the log
directory is not shared.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.distributed.two_hosts import NotPossible, two_hosts
from tests.training.conftest import write_corpus

pytest.importorskip("horovod", reason="Horovod is not installed (scripts/install_horovod.sh)")
pytestmark = pytest.mark.slow  # a minute
ROOT = Path(__file__).parents[2]
WORKER = Path(__file__).with_name("two_hosts_worker.py")
# Waiting processes must not take the cores of those that compute.
MPIEXEC = ["mpiexec", "--allow-run-as-root", "--mca", "mpi_yield_when_idle", "1"]
HOROVODRUN = [sys.executable, "-m", "horovod.runner.launch", "--gloo", "--disable-cache"]
# On a busy machine Python may start slowly.
ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "HOROVOD_START_TIMEOUT": "120",
    "HOROVOD_GLOO_TIMEOUT_SECONDS": "120",
}


@pytest.fixture(scope="module", autouse=True)
def hosts_can_be_made(tmp_path_factory):
    """Skips where they cannot, before anything is trained."""
    try:
        with two_hosts(tmp_path_factory.mktemp("hosts")):
            pass
    except NotPossible as error:
        pytest.skip(f"two hosts cannot be made here: {error}")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A folder with recordings, data.csv, vocab.txt and config.py."""
    return write_corpus(tmp_path_factory.mktemp("two_hosts"))


def training(corpus, logdir):
    """The command of each worker; 18 utterances in global batches of 4: 5 steps an epoch."""
    return [
        sys.executable,
        str(WORKER),
        str(logdir.parent),
        str(ROOT / "run.py"),
        f"--config_file={corpus / 'config.py'}",
        f"--logdir={logdir}",
        "--mode=train_eval",
        "--use_horovod=True",
        "--batch_size_per_gpu=2",
    ]


def weights(logdir):
    return load_file(logdir / "ckpt-10/model.safetensors")


@pytest.fixture(scope="module")
def on_one_host(corpus):
    """The weights that two workers on this machine end with."""
    logdir = corpus / "one_host/log"
    logdir.parent.mkdir()
    done = subprocess.run(
        [*HOROVODRUN, "-np", "2", *training(corpus, logdir)],
        env={**os.environ, **ENVIRONMENT},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return weights(logdir)


@pytest.fixture
def train_on_two_hosts(corpus, tmp_path):
    """Trains with a launcher's command; returns the first host's log directory."""

    def train(launcher):
        # Host beta has a folder of its own there, as a machine with its own disk.
        logdir = tmp_path / "log"
        logdir.mkdir()
        with two_hosts(tmp_path, private=[logdir]) as (alpha, beta):
            before = alpha.sent(), beta.sent()
            done = alpha.run("env", *launcher, *training(corpus, logdir), timeout=300)
            assert done.returncode == 0, done.stdout
            sent = alpha.sent() - before[0], beta.sent() - before[1]
            left = alpha.run("ssh", "beta", "find", str(logdir), "-mindepth", "1").stdout
        assert left == "", "files on the second host"
        places = [json.loads((tmp_path / f"rank{rank}.json").read_text()) for rank in (0, 1)]
        assert [place.pop("host") for place in places] == ["alpha", "beta"]
        assert places == [{"size": 2, "local_rank": 0, "local_size": 1}] * 2
        # Both sent at least each gradient, in each of the ten steps.
        size = sum(value.nbytes for value in weights(logdir).values())
        assert min(sent) > 10 * size, f"{sent} bytes over the cable, {size} of weights"
        return logdir

    return train


def _assert_equal(found, expected):
    # Alone on its host a worker has more threads, which add in another order.
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.skipif(not shutil.which("mpiexec"), reason="mpiexec is not installed")
def test_mpiexec(train_on_two_hosts, on_one_host, tmp_path):
    (tmp_path / "hosts").write_text("alpha slots=1\nbeta slots=1\n")
    settings = [word for name in ENVIRONMENT for word in ("-x", f"{name}={ENVIRONMENT[name]}")]
    hosts = ["--hostfile", str(tmp_path / "hosts"), "-n", "2"]
    logdir = train_on_two_hosts([*MPIEXEC, *settings, *hosts])
    _assert_equal(weights(logdir), on_one_host)


@pytest.mark.slow
def test_horovodrun(train_on_two_hosts, on_one_host):
    settings = [f"{name}={value}" for name, value in ENVIRONMENT.items()]
    logdir = train_on_two_hosts([*settings, *HOROVODRUN, "-H", "alpha:1,beta:1", "-np", "2"])
    _assert_equal(weights(logdir), on_one_host)
