"""The script that runs the tests of arithmetic as other machines would."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_test_that_the_script_names_is_there():
    named = re.findall(r"\btests/[\w/.]+", (ROOT / "scripts/test_machines.sh").read_text())
    assert len(named) > 5
    assert [name for name in named if not (ROOT / name).exists()] == []
