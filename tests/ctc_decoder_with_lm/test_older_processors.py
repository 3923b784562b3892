"""What a wheel brings for older processors, tried on those of QEMU: each level, and the choice."""

import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from ctc_decoder_with_lm import native_build
from ctc_decoder_with_lm.library import NATIVE, PACKAGE, folder

QEMU = shutil.which("qemu-x86_64")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not QEMU, reason="needs QEMU: apt-get install qemu-user"),
]
HERE = Path(__file__).parent
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
# The level of each processor. QEMU has no AVX-512, so none for x86-64-v4.
LEVELS = {"Nehalem": "x86-64-v2", "Haswell": "x86-64-v3"}


def run(cpu, *command, cpuinfo="/", **more):
    """Runs a program on another processor; `cpuinfo`: where its /proc/cpuinfo is."""
    line = [QEMU, "-cpu", cpu, "-L", cpuinfo, *command]
    return subprocess.run([*map(str, line)], capture_output=True, text=True, timeout=1800, **more)


def built(target):
    """A target of the wheel's build, with the core's own tests."""
    settings = {"KENLM_CACHE": folder(), "CTC_TESTS": NATIVE / "tests/core_test.cc"}
    output = folder() / f"wheel-{target}"
    native_build.build(PACKAGE, target, output, settings, {"CTC_OPERATION": "OFF"})
    return output


@pytest.fixture(scope="module")
def cpuinfo(tmp_path_factory):
    """A folder for each processor with what Linux would say of it; QEMU shows the real one's."""
    made = tmp_path_factory.mktemp("processors")
    program = made / "cpuinfo"
    subprocess.run(["g++", "-std=c++17", HERE / "cpuinfo.cc", "-o", program], check=True)
    for cpu in LEVELS:
        (made / cpu / "proc").mkdir(parents=True)
        flags = run(cpu, program).stdout
        if cpu == "Haswell" and not re.search(r"\bavx2\b", flags):
            pytest.skip("this QEMU has no AVX2; 7.2 has")
        (made / cpu / "proc/cpuinfo").write_text(flags)
    return made


@pytest.mark.parametrize("cpu", LEVELS)
def test_the_core(cpu, cpuinfo, tmp_path):
    done = run(cpu, built(f"core_test-{LEVELS[cpu]}"), tmp_path)
    assert (done.returncode, done.stdout) == (0, "passed\n"), done.stderr[-3000:]


def test_a_level_above_the_processors_is_an_illegal_instruction(tmp_path):
    """So that the others show something."""
    done = run("Nehalem", built(f"core_test-{LEVELS['Haswell']}"), tmp_path)
    assert done.returncode == -signal.SIGILL


@pytest.mark.parametrize("cpu", LEVELS)
def test_python_chooses_the_level(cpu, cpuinfo, tmp_path):
    package = tmp_path / "ctc_decoder_with_lm"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("native", "libraries"))
    (package / "libraries").mkdir()
    (package / "native").mkdir()
    for level in LEVELS.values():
        name = f"_core-{level}{SUFFIX}"
        shutil.copy(built(f"_core-{level}"), package / "libraries" / name)
    script = shutil.copy(HERE.parent / "try_wheel.py", tmp_path)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = run(cpu, sys.executable, script, cpuinfo=cpuinfo / cpu, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    lines = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert lines["beam search"] == f"_core-{LEVELS[cpu]}{SUFFIX}"
    assert lines["with a language model"] == "ab"
