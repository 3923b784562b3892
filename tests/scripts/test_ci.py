"""The legs of continuous integration."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
LEGS = ROOT / ".ci/legs"


def run(*legs, **environment):
    return subprocess.run(
        [LEGS, *legs], capture_output=True, text=True, env={**os.environ, **environment}
    )


def test_a_python_that_is_not_there_is_said_and_no_failure(tmp_path):
    for folder in ("/usr/bin", "/bin"):
        for tool in ("bash", "env", "dirname", "tail"):
            if Path(folder, tool).exists() and not (tmp_path / tool).exists():
                (tmp_path / tool).symlink_to(Path(folder, tool))
    done = run("oldest-python", "newest-python", PATH=str(tmp_path), PYENV_ROOT=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("is not there: not tried") == 2


def test_an_unknown_leg_is_wrong_usage():
    done = run("nothing")
    assert done.returncode == 2 and "unknown leg: nothing" in done.stderr


def test_the_whole_suite_comes_first_and_the_legs_end_with_pytest():
    order = (ROOT / ".ci/run").read_text()
    assert order.index("make test\n") < order.index(".ci/legs")
    assert order.rstrip().endswith(".ci/legs")
