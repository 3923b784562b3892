"""Jobs of workers that wait for what `scaling.py` tells them, by turns.

Horovod's threads look for work in every cycle, also while there is none. So a job that is not at
its turn is stopped (SIGSTOP), and takes no processor time from the others.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).with_name("scaling.py")
# A job may stand still for minutes: that is no failure.
PATIENCE = {"HOROVOD_GLOO_TIMEOUT_SECONDS": "3600", "HOROVOD_STALL_CHECK_DISABLE": "1"}
MPI = ["mpiexec", "--bind-to", "none", "--oversubscribe"]
GLOO = [sys.executable, "-m", "horovod.runner.launch", "--gloo", "--disable-cache"]
GLOO += ["--start-timeout", "300"]


class Job:
    """Processes that were started together, and are told everything together.

    Args:
      launcher: "alone" (processes that do not know each other), "mpi" or "gloo".
      size: how many there are, each on a core of its own.
      settings: environment variables.
    """

    def __init__(self, launcher: str, size: int, settings: Mapping[str, str] | None = None):
        self.launcher, self.size = launcher, size
        self._folder = Path(tempfile.mkdtemp(prefix="scaling"))
        self._log = self._folder / "log"
        self._launched: list[subprocess.Popen[bytes]] = []
        self.workers: list[Connection] = []
        self._pids: list[int] = []
        environment = {**os.environ, **PATIENCE, **(settings or {})}
        with Listener(str(self._folder / "socket"), "AF_UNIX") as listener:
            self._listener = listener
            for command in self._commands(str(listener.address)):
                with open(self._log, "ab") as log:
                    self._launched.append(
                        subprocess.Popen(
                            command,
                            env=environment,
                            stdin=subprocess.DEVNULL,
                            stdout=log,
                            stderr=subprocess.STDOUT,
                            start_new_session=True,
                        )
                    )
            self._connect(listener)
        self._signal(signal.SIGSTOP)

    def _commands(self, address: str) -> list[list[str]]:
        command = [sys.executable, str(SCRIPT), "--serve", address]
        if self.launcher == "alone":
            return [[*command, "--core", str(core)] for core in range(self.size)]
        if self.launcher == "gloo":
            hosts = ["-np", str(self.size), "-H", f"localhost:{self.size}"]
            return [[*GLOO, *hosts, *command]]
        root = ["--allow-run-as-root"] if os.geteuid() == 0 else []
        return [[*MPI, *root, "-n", str(self.size), *command]]

    def _connect(self, listener: Listener) -> None:
        # multiprocessing has no timeout for this.
        listener._listener._socket.settimeout(300)  # type: ignore[attr-defined]
        hello = []
        try:
            for _ in range(self.size):
                connection = listener.accept()
                hello.append((*connection.recv(), connection))
        except OSError as error:
            raise self._failed(str(error)) from error
        hello.sort(key=lambda one: one[:2])
        self._pids = [one[2] for one in hello]
        self.workers = [one[3] for one in hello]

    def _failed(self, why: str) -> SystemExit:
        output = self._log.read_text(errors="replace")[-5000:]
        self.end()
        return SystemExit(f"A job ({self.launcher}, {self.size}) failed: {why}\n{output}")

    def _signal(self, number: int) -> None:
        for pid in self._pids:
            os.kill(pid, number)

    def tell(self, method: str, *arguments: Any) -> list[Any]:
        """Has a method called by all workers at the same time; what each returned, by rank."""
        self._signal(signal.SIGCONT)
        try:
            for worker in self.workers:
                worker.send((method, arguments))
            answers = [worker.recv() for worker in self.workers]
        except (EOFError, OSError) as error:
            raise self._failed(repr(error)) from error
        for good, answer in answers:
            if not good:
                raise self._failed(answer)
        self._signal(signal.SIGSTOP)
        return [answer for _, answer in answers]

    def end(self) -> None:
        """Ends all processes."""
        try:
            self._signal(signal.SIGCONT)
            for worker in self.workers:
                worker.send(None)
            # Without a greeting there is nobody to tell.
            for launched in self._launched:
                launched.wait(30 if self.workers else 0.1)
        except (OSError, subprocess.TimeoutExpired):
            self._kill()
        for worker in self.workers:
            worker.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _kill(self) -> None:
        # A launcher does not always take with it what it has started.
        for pid in self._pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for launched in self._launched:
            launched.terminate()
            try:
                launched.wait(20)
            except subprocess.TimeoutExpired:
                launched.kill()


@contextmanager
def jobs(*wanted: tuple[Any, ...]) -> Iterator[Sequence[Job]]:
    """Jobs until the end of the `with`; each given as the arguments of `Job`."""
    with ExitStack() as stack:
        started = []
        for arguments in wanted:
            started.append(Job(*arguments))
            stack.callback(started[-1].end)
        yield started
