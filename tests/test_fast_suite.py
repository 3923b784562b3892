"""The list of `make test-fast`: something of every room, and nothing that is not there."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
LIST = ROOT / "tests/fast.txt"
# Whole trainings.
WITHOUT = {"convergence"}


def test_every_room_is_in_it():
    named = {Path(line).parts[1] for line in LIST.read_text().splitlines()}
    rooms = {path.parent.name for path in (ROOT / "tests").glob("*/__init__.py")}
    assert rooms - WITHOUT <= named


def test_all_that_it_names_is_there_once():
    lines = LIST.read_text().splitlines()
    assert len(set(lines)) == len(lines)
    for line in lines:
        assert (ROOT / line).exists(), line
