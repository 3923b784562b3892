"""Imports point down: the architecture's rule of who may import whom."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "open_seq2seq"

# A room may import from itself and from the rooms of lower rank.
RANK = {
    "cli": 5,
    "robustness": 5,
    "training": 4,
    "interop": 4,
    "inference": 3.5,
    "transcripts": 2.5,
    "models": 3,
    "language_models": 3,
    "decoding": 3,
    "corpora": 3,
    "runs": 3,
    "encoders": 2,
    "decoders": 2,
    "losses": 2,
    "optimizers": 2,
    "data": 2,
    "config": 1,
    "metrics": 1,
    "ops": 1,
    "start": 1,
    "version": 0,
    "greetings": 0,
    "successors": 0,
    "messages": 0,
    "errors": -1,
    "error_output": 0,
    "alphabet_file": 0,
    "files": 0,
}
# The same inside training/: what lies in no folder of it is the loop and the use of its results.
TRAINING_RANK = {"workers": 0, "step": 1, "checkpoints": 2, "": 3, "commands": 4}
# How anything speaks to the user.
EVERYWHERE = {"open_seq2seq.training.console"}
MAY_IMPORT_TENSORFLOW = {"training", "interop", "runs", "ops"}
FILES = sorted(PACKAGE.rglob("*.py"))


def imported_modules(path):
    """Dotted names; `from package import module` is an import of the module."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                module = f"{node.module}.{alias.name}"
                place = PACKAGE.parent.joinpath(*module.split("."))
                there = place.is_dir() or place.with_suffix(".py").is_file()
                yield module if there else node.module


def room(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_down(path):
    mine = room(path)
    for module in imported_modules(path):
        parts = module.split(".")
        if parts[0] == "tensorflow":
            assert mine in MAY_IMPORT_TENSORFLOW, f"{path} imports tensorflow"
        if parts[0] != "open_seq2seq" or len(parts) == 1 or mine == "__init__":
            continue
        other = parts[1]
        allowed = other == mine or RANK[other] < RANK[mine]
        assert allowed, f"{path} imports {module}: {mine} may not know {other}"


@pytest.mark.parametrize(
    "path", sorted((PACKAGE / "training").rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE))
)
def test_the_rooms_of_training_import_down_too(path):
    mine = training_room(path.relative_to(PACKAGE).with_suffix("").parts)
    for module in imported_modules(path):
        parts = module.split(".")
        if parts[:2] == ["open_seq2seq", "training"] and len(parts) > 2:
            other = training_room(parts[1:])
            allowed = other == mine or TRAINING_RANK[other] < TRAINING_RANK[mine]
            assert allowed or module in EVERYWHERE, f"{path} imports {module}"


def training_room(parts):
    """`workers` of `training/workers/launch.py`, "" of `training/trainer.py`."""
    return parts[1] if len(parts) > 1 and (PACKAGE / "training" / parts[1]).is_dir() else ""


def test_every_room_has_a_rank():
    assert {room(path) for path in FILES} - {"__init__"} <= RANK.keys()


def test_the_data_rooms_do_not_import_keras():
    for path in [*(PACKAGE / "data").rglob("*.py"), *(PACKAGE / "corpora").rglob("*.py")]:
        assert not any(m.split(".")[0] == "keras" for m in imported_modules(path)), path


DECODER = PACKAGE.parent / "ctc_decoder_with_lm"


@pytest.mark.parametrize("path", sorted(DECODER.glob("*.py")), ids=lambda p: p.name)
def test_the_native_decoder_knows_only_its_result_and_errors(path):
    allowed = {
        "open_seq2seq.decoders.decode_result",
        "open_seq2seq.errors",
        "open_seq2seq.ops.compiler",
        "open_seq2seq.ops.cpu",
    }
    for module in imported_modules(path):
        if module.split(".")[0] == "open_seq2seq":
            assert module in allowed, f"{path} imports {module}"
        if module.split(".")[0] in ("tensorflow", "keras"):
            assert path.name == "tensorflow_op.py" or module in lazy_imports(path), path


def lazy_imports(path):
    """Modules that are imported inside functions only."""
    at_top = {
        alias.name
        for node in ast.parse(path.read_text()).body
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    return set(imported_modules(path)) - at_top
