"""The config reference in docs/ is what the schemas say."""

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_reference_is_current():
    script = runpy.run_path(str(ROOT / "scripts/make_config_reference.py"))
    stored = (ROOT / "docs/config_reference.md").read_text()
    assert stored == script["reference"](), "run `make docs`"


def test_every_parameter_has_a_help_line():
    script = runpy.run_path(str(ROOT / "scripts/make_config_reference.py"))
    rows = [line for line in script["reference"]().splitlines() if line.startswith("| `")]
    assert len(rows) > 100
    assert not [row for row in rows if len(row.split(" | ")[-1].strip(" |")) < 5]
