"""The programs of docs/export.md, which need a runtime and not this package."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from open_seq2seq.inference.runtimes import RUNTIMES
from tests.exported_models import RATE, speech, spoken, write_exported

PAGE = Path(__file__).parents[2] / "docs/export.md"
TEXT = "ab ca bb c"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    write_exported(folder, tuple(RUNTIMES))
    rng = np.random.default_rng(0)
    soundfile.write(folder / "a.wav", speech(spoken(TEXT, rng), rng), RATE, "FLOAT")
    return folder


def programs():
    """The program of each runtime: all but the first one change how the model is run."""
    section = PAGE.read_text().split("### Without this package")[1].split("\n## ")[0]
    whole, *others = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    before, rest = whole.split("\nmodel = ")
    after = rest.split("inputs)\n", 1)[1]
    before = before.replace("import onnxruntime\n", "")
    yield whole
    for changed in others:
        yield f"{before}\n{changed}{after}"


@pytest.mark.parametrize("program", programs())
def test_programs_without_the_package_transcribe(folder, program):
    lines = [line for line in program.splitlines() if line.strip()]
    assert len(lines) <= 20 and "open_seq2seq" not in program
    command = [sys.executable, "-c", program, str(folder), str(folder / "a.wav")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"{TEXT}\n"), done.stderr


def test_there_is_one_for_each_runtime():
    found = list(programs())
    assert len(found) == len(RUNTIMES)
    for kind in RUNTIMES.values():
        assert any(f"{kind.PACKAGE}" in program for program in found)


def test_every_key_is_described(folder):
    described = (folder / "recognizer.json").read_text()
    table = PAGE.read_text().split("## recognizer.json")[1].split("\n## ")[0]
    for key in re.findall(r'^ "(\w+)":', described, re.MULTILINE):
        assert f"`{key}`" in table, key
