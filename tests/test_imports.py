"""Imports point down: the architecture's rule of who may import whom."""

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "open_seq2seq"

# The floors of the house, from the ground up: a room imports from itself and from the floors
# below it, never from its own floor or above.
FLOORS = [
    "errors tensors",
    "files messages greetings alphabet_file decode_result vocabulary successors version",
    "config distributed native_build start graphs kaldi_io",
    "progress live_bar ops metrics features optimizers exported",
    "layers runs",
    "encoders decoders losses data checkpoints transcripts",
    "engines",
    "models corpora language_models pronunciations stored_logits",
    "experiment",
    "streaming",
    "inference",
    "training interop robustness export compat",
    "scoring",
    "console serving",
    "commands",
    "cli",
    "__main__",
]
FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names.split()}
MAY_IMPORT_TENSORFLOW = {"training", "inference", "distributed", "interop", "runs", "ops", "export"}
FILES = sorted(PACKAGE.rglob("*.py"))


def name_of(path):
    return str(path.relative_to(PACKAGE))


@cache
def tree_of(path):
    return ast.parse(path.read_text())


@cache
def imported_modules(path):
    """Dotted names; `from package import module` is an import of the module."""
    return list(_imported_modules(path))


def _imported_modules(path):
    for node in ast.walk(tree_of(path)):
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


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_point_down(path):
    mine = room(path)
    for module in imported_modules(path):
        parts = module.split(".")
        if parts[0] == "tensorflow":
            assert mine in MAY_IMPORT_TENSORFLOW, f"{path} imports tensorflow"
        if parts[0] != "open_seq2seq" or len(parts) == 1 or mine == "__init__":
            continue
        other = parts[1]
        allowed = other == mine or FLOOR[other] < FLOOR[mine]
        assert allowed, f"{path} imports {module}: {mine} may not know {other}"


def test_every_room_has_a_floor():
    assert {room(path) for path in FILES} - {"__init__", "test_utils"} == FLOOR.keys()


def test_no_module_imports_itself_through_others():
    modules = {}
    for path in FILES:
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    # Types alone, inside `if TYPE_CHECKING`, are imported by nobody at run time.
    graph = {
        name: {module for module in imported_modules(path) if module in modules} - {name}
        for name, path in modules.items()
        if path.name != "__init__.py"
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail("a circle of imports: " + " -> ".join(error.args[1]))


@pytest.mark.parametrize("mine", ["inference", "features", "decoders"])
def test_a_trained_model_knows_neither_training_nor_a_data_layer(mine):
    for path in (PACKAGE / mine).rglob("*.py"):
        for module in imported_modules(path):
            parts = module.split(".")
            assert parts[:2] != ["open_seq2seq", "training"], f"{path} imports {module}"
            layers = ("open_seq2seq.data.speech2text", "open_seq2seq.data.text_lines")
            assert not module.startswith(layers), f"{path} imports {module}"


def test_the_data_rooms_do_not_import_keras():
    for path in [*(PACKAGE / "data").rglob("*.py"), *(PACKAGE / "corpora").rglob("*.py")]:
        assert not any(m.split(".")[0] == "keras" for m in imported_modules(path)), path


DECODER = PACKAGE.parent / "ctc_decoder_with_lm"


@pytest.mark.parametrize("path", sorted(DECODER.glob("*.py")), ids=lambda p: p.name)
def test_the_native_decoder_knows_numpy_only(path):
    for module in imported_modules(path):
        top = module.split(".")[0]
        assert top != "open_seq2seq", f"{path} imports {module}"
        if top in ("tensorflow", "keras"):
            assert path.name == "tensorflow_op.py" or module in lazy_imports(path), path


def lazy_imports(path):
    """Modules that are imported inside functions only."""
    at_top = {
        alias.name
        for node in tree_of(path).body
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    return set(imported_modules(path)) - at_top


# What speaks to the user: commands, and what is run by itself.
SPEAK = {"commands", "cli", "console", "start"}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_the_library_logs_and_only_commands_print(path):
    if room(path) in SPEAK or path.name == "__main__.py":
        return
    tree = tree_of(path)
    for node in ast.walk(tree):
        named = isinstance(node, ast.Name) and node.id == "print"
        assert not named, f"{path}:{node.lineno} prints: logging.getLogger(__name__) is for that"
    assert "open_seq2seq.console" not in set(imported_modules(path)), path
    if room(path) != "messages":
        names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
                 if node.module == "open_seq2seq.messages" for alias in node.names}  # fmt: skip
        assert not names & {"say", "show_messages", "messages_shown"}, path
