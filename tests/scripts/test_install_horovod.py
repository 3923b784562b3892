"""scripts/install_horovod.sh up to the build: what it finds, and what it says is missing.

The build itself, and the sum over two processes, are what it checks at its end.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts/install_horovod.sh"
ALWAYS = ("bash", "sh", "basename", "cat", "dirname", "env", "getconf", "grep", "head", "mktemp",
          "mkdir", "rm", "sed", "sort", "tail", "tar", "timeout")  # fmt: skip
# Has pip, TensorFlow and no Horovod; anything else is the real one's matter.
PYTHON = f"""#!/bin/sh
case "$*" in
  *look.py*) echo 2.21.0; echo "Horovod is not installed." ;;
  "-m pip"*) echo "pip $*" >> "$0.calls" ;;
  *) exec {sys.executable} "$@" ;;
esac
"""


@pytest.fixture
def machine(tmp_path):
    """Runs the script where only some programs are installed."""
    for name in ALWAYS:
        (tmp_path / name).symlink_to(shutil.which(name))
    (tmp_path / "python").write_text(PYTHON)
    (tmp_path / "python").chmod(0o755)

    def call(*arguments, programs=(), **environment):
        for name, code in dict(programs).items():
            (tmp_path / name).write_text(f"#!/bin/sh\n{code}\n")
            (tmp_path / name).chmod(0o755)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("HOROVOD_", "CXX"))}
        return subprocess.run(
            [SCRIPT, "--python", tmp_path / "python", *arguments],
            env={**kept, "PATH": str(tmp_path), **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    return call


COMPILERS = {"g++": "exit 0", "make": "exit 0", "cmake": "echo cmake version 3.25.1"}
MPI = {"mpicxx": "exit 0", "mpiexec": "echo 'mpiexec (OpenRTE) 4.1.4'"}


def test_all_that_is_missing_is_named_at_once(machine):
    done = machine(programs={"cmake": "echo cmake version 3.9.2"}, HOROVOD_WITH_MPI="1")
    assert done.returncode == 1
    for line in (
        "a C++17 compiler (g++)",
        "make",
        "CMake 3.13 or newer (found 3.9)",
        "MPI (mpicxx",
    ):
        assert f"  {line}" in done.stderr
    assert "apt-get install g++ make cmake openmpi-bin libopenmpi-dev\n" in done.stderr
    assert "dnf install gcc-c++ make cmake openmpi-devel\n" in done.stderr


@pytest.mark.parametrize("programs", [COMPILERS, {**COMPILERS, **MPI}])
def test_mpi_is_used_where_it_is_and_a_wrong_archive_is_not_built(machine, tmp_path, programs):
    wrong = tmp_path / "horovod-0.28.1.tar.gz"
    wrong.write_bytes(b"something else")
    done = machine(programs=programs, HOROVOD_SOURCE=str(wrong))
    assert done.returncode == 1
    found = hashlib.sha256(b"something else").hexdigest()
    assert f"{wrong} has the SHA-256 {found}" in done.stderr
    assert "expected 92a43f5a94c43907" in done.stderr
    without = "Horovod gets Gloo alone (horovodrun)" in done.stdout
    assert without == (programs is COMPILERS)
    assert ("apt-get install openmpi-bin libopenmpi-dev" in done.stdout) == without
    calls = (tmp_path / "python.calls").read_text()
    assert "psutil" in calls and "download" not in calls and "install --no-deps ." not in calls


def test_the_pinned_archive_is_fetched_by_its_checksum(machine, tmp_path):
    done = machine(programs=COMPILERS)
    assert done.returncode == 1  # This pip fetches nothing.
    assert "no such file" in done.stderr
    fetched = (tmp_path / "python.calls").read_text().splitlines()[-1]
    assert "--require-hashes" in fetched and fetched.endswith("horovod_requirements.txt")


def test_wrong_usage(machine):
    done = machine("--prefix=/opt")
    assert done.returncode == 2
    assert "unknown argument --prefix=/opt" in done.stderr
    assert "--force" in done.stderr
    missing = machine("--python", "/nowhere/python3")
    assert missing.returncode == 1
    assert "there is no Python" in missing.stderr


def test_nothing_is_done_where_the_right_build_is(tmp_path):
    try:
        version("horovod")
    except PackageNotFoundError:
        pytest.skip("Horovod is not installed (scripts/install_horovod.sh)")
    # No compiler is asked for.
    environment = {**os.environ, "CXX": "no-such-compiler", "HOROVOD_SOURCE": str(tmp_path)}
    done = subprocess.run(
        [SCRIPT, "--python", sys.executable], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "Horovod 0.28.1 for TensorFlow 2.21" in done.stdout
    assert "is there already" in done.stdout
