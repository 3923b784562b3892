"""The script that runs the tests of arithmetic as other machines would."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Rooms that add and multiply little, or by what is tested in another room.
WITHOUT_ARITHMETIC = {
    "benchmarks", "checkpoints", "commands", "compat", "config", "convergence", "corpora",
    "ctc_decoder_with_lm", "docs", "engines", "example_configs", "exported", "files", "inference",
    "language_models", "metrics", "native_build", "pronunciations", "releases",
    "robustness", "runs", "scripts", "serving", "stored_logits", "successors", "transcripts",
}  # fmt: skip


def named_tests():
    return re.findall(r"\btests/[\w/.]+", (ROOT / "scripts/test_machines.sh").read_text())


def test_every_test_that_the_script_names_is_there():
    named = named_tests()
    assert len(named) > 5
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_no_room_of_arithmetic_is_forgotten():
    """Each folder of tests is run by the script, or is known to have none."""
    rooms = {path.parent.name for path in (ROOT / "tests").glob("*/__init__.py")}
    named = {name.split("/")[1] for name in named_tests()}
    new = rooms - named - WITHOUT_ARITHMETIC
    assert not new, f"{new}: to be run by scripts/test_machines.sh, or without arithmetic?"
    assert not named & WITHOUT_ARITHMETIC
