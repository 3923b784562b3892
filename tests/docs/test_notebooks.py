"""The notebooks: scripts in the percent format, and beside each its cells with their outputs."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "docs/notebooks").glob("*.py"))
named = pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)


def cells_of(script):
    """(whether it is code, its text) of each cell of a script."""
    parts = re.split(r"^# %%(.*)\n", script.read_text(), flags=re.MULTILINE)[1:]
    for kind, text in zip(parts[::2], parts[1::2], strict=True):
        if "[markdown]" in kind:
            yield False, re.sub(r"^# ?", "", text.strip(), flags=re.MULTILINE)
        else:
            yield True, text.strip()


@named
def test_the_notebook_is_the_script_with_outputs(script):
    cells = json.loads(script.with_suffix(".ipynb").read_text())["cells"]
    found = [(cell["cell_type"] == "code", "".join(cell["source"])) for cell in cells]
    assert found == list(cells_of(script))
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    assert len(outputs) > 3 and not any(output["output_type"] == "error" for output in outputs)
    assert str(ROOT.parent) + "/" not in json.dumps(outputs) or ROOT.parent == Path("/")


@pytest.mark.slow
@named
def test_the_script_runs(script, tmp_path):
    for name in ("example_configs", "example_data"):
        (tmp_path / name).symlink_to(ROOT / name)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-4000:]
