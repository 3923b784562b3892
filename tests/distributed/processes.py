"""Jobs of several processes, and the small corpus that they work on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

from tests.training.conftest import CONFIG, write_corpus

ROOT = Path(__file__).parents[2]
RUN = str(ROOT / "run.py")
HERE = Path(__file__).parent
_MARK = "OPEN_SEQ2SEQ_TEST_JOB"
_SETTINGS = {
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "OMP_NUM_THREADS": "1",
    "PYTHONPATH": str(ROOT),
    # Open MPI: as root, in a container, with more processes than cores, beside other jobs.
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "OMPI_MCA_hwloc_base_binding_policy": "none",
    "OMPI_MCA_mpi_yield_when_idle": "1",
    # On a busy machine Python may start slowly.
    "HOROVOD_START_TIMEOUT": "120",
    "HOROVOD_GLOO_TIMEOUT_SECONDS": "120",
}
HOROVODRUN = (sys.executable, "-m", "horovod.runner.launch", "--gloo", "--disable-cache")


@cache
def _mpi() -> bool:
    import horovod.tensorflow as hvd  # only where a job is started: it need not be installed

    return shutil.which("mpiexec") is not None and bool(hvd.mpi_built())


def launcher_command(launcher: str) -> tuple[str, ...]:
    """`mpiexec`, or `horovodrun` where there is none or Horovod was built without MPI."""
    return (launcher,) if launcher == "mpiexec" and _mpi() else HOROVODRUN


class Job:
    """Processes that a launcher started; a session of their own.

    Args:
      arguments: of Python, in every process.
      log: the file for all that they print.
      processes: how many; 0: one, without a launcher.
      launcher: "mpiexec" or "horovodrun".
      environment: variables for the processes.
    """

    def __init__(
        self,
        arguments: list[str],
        log: Path,
        processes: int = 2,
        launcher: str = "mpiexec",
        **environment: str,
    ):
        self.log = log
        self._mark = f"{_MARK}={uuid.uuid4().hex}"
        name, _, value = self._mark.partition("=")
        command = [sys.executable, *arguments]
        if processes:
            command = [*launcher_command(launcher), "-np", str(processes), *command]
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                command,
                env={**os.environ, **_SETTINGS, **environment, name: value},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        """What all have printed so far."""
        return self.log.read_text(errors="replace")

    def wait(self, timeout: float = 600) -> int:
        """The launcher's exit code; a job that hangs is killed and fails the test."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"no end in {timeout} s:\n{self.output}") from None

    def wait_until(self, condition: Callable[[], bool], timeout: float = 600) -> None:
        """Returns when the condition holds, while the job runs."""
        deadline = time.monotonic() + timeout
        while not condition():
            assert self.process.poll() is None, f"it ended:\n{self.output}"
            if time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"still waiting after {timeout} s:\n{self.output}")
            time.sleep(0.02)

    def pids(self) -> list[int]:
        """The processes that are left of it, whatever group or session they are in."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if self._mark.encode() in (folder / "environ").read_bytes():
                    found.append(int(folder.name))
        return found

    def kill(self) -> None:
        """Ends all that is left, at once."""
        while pids := self.pids():
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.poll()
            time.sleep(0.02)
        self.process.wait()


# Notes every batch in a file of its rank, and does what the environment says at one rank.
_SPY = """
    import json, os, signal, time
    from open_seq2seq.distributed.launch import launched

    class SpyLayer(Speech2TextDataLayer):
        taken = 0

        def batches(self, epoch=0, start=0):
            rank, told = launched().rank, os.environ.get("SPY_ACTION", "nothing")
            inner = super().batches(epoch, start)
            try:
                for number, batch in enumerate(inner, start):
                    if self.mode == "train":
                        self.note(rank, epoch, number, batch)
                        at_rank, at_batch = os.environ.get("SPY_AT", "0,0").split(",")
                        if rank == int(at_rank) and self.taken == int(at_batch):
                            self.act(told)
                        if told == "slowly":
                            time.sleep(0.1)
                        type(self).taken += 1
                    yield batch
            finally:
                inner.close()

        def note(self, rank, epoch, number, batch):
            rows = [] if batch.is_padding else batch.indices.tolist()
            folder = os.environ.get("SPY_FOLDER", "{folder}")
            with open(f"{{folder}}/rank{{rank}}.jsonl", "a") as file:
                line = [epoch, number, rows, batch.features.shape[1]]
                file.write(json.dumps(line) + chr(10))

        def act(self, told):
            if told == "raise":
                raise ValueError("the spy's own error")
            if told == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if told == "terminate":
                os.kill(os.getpid(), signal.SIGTERM)
            if told == "stall":
                time.sleep(600)
            if told == "no_writing":
                import shutil
                shutil.rmtree(os.environ["SPY_LOGDIR"])
                open(os.environ["SPY_LOGDIR"], "w").close()
"""


def write_spied_corpus(folder: Path, rows: int = 18) -> Path:
    """The small corpus, with a config that uses the spy; returns the config."""
    layer = '"data_layer": Speech2TextDataLayer'
    assert layer in CONFIG
    text = CONFIG.replace(layer, '"data_layer": SpyLayer')
    head, base, rest = text.partition("\n    base_model")
    return write_corpus(folder, rows, head + _SPY + base + rest) / "config.py"
