"""The sub-commands, and the scripts that are doors to them."""

import ast
import re
import runpy
import sys
from pathlib import Path

import pytest

from open_seq2seq.cli import main
from open_seq2seq.commands.parser import with_scripts
from open_seq2seq.commands.registry import COMMANDS

ROOT = Path(__file__).parents[2]
SCRIPTS = {f"scripts/{path.name}": path for path in (ROOT / "scripts").glob("*.py")}
DOORS = {command.door: name for name, command in COMMANDS.items() if command.door in SCRIPTS}
# What is no sub-command: the first steps in a clone, what makes the repository's own files, and
# other names that OpenSeq2Seq has.
ONLY_SCRIPTS = {
    f"scripts/{name}.py"
    for name in ("demo", "try_model", "make_config_reference", "make_openseq2seq_page",
                 "make_digits_example", "make_try_model", "build_lm_text", "ctc_decoders_test",
                 "nsr_create_syn_train_csv")
}  # fmt: skip


def help_of(call, capsys):
    """What `--help` writes, after the usage."""
    try:
        code = call()
    except SystemExit as ended:
        code = ended.code
    out, err = capsys.readouterr()
    usage, _, rest = out.partition("\n\n")
    assert not code and err == "" and usage.startswith("usage: ")
    return usage, rest


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_that_of_the_script(name, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    door = COMMANDS[name].door
    usage, mine = help_of(lambda: main([*name.split(), "--help"]), capsys)
    assert usage.split("[")[0].strip().startswith(f"usage: open-seq2seq {name}")
    mode = ["--mode=export"] if name == "export" else []
    monkeypatch.setattr(sys, "argv", [door, *mode, "--help"])
    _, its = help_of(lambda: runpy.run_path(str(ROOT / door), run_name="__main__"), capsys)
    if mode:
        assert mine == its and "--formats" in mine
    elif door == "run.py":  # its examples are of all modes
        flags = [set(re.findall(r"^  .*?(--\w+)", text, re.MULTILINE)) for text in (mine, its)]
        assert flags[1] >= flags[0] >= {"--config_file", "--quiet", "--infer_files"}
        assert f"open-seq2seq {name} --config_file" in mine and "--mode" not in mine
    else:
        assert "scripts/" + door.partition("/")[2] not in mine
        assert with_scripts(mine) == its


def test_every_script_has_a_command():
    assert SCRIPTS.keys() == DOORS.keys() | ONLY_SCRIPTS
    assert not DOORS.keys() & ONLY_SCRIPTS


@pytest.mark.parametrize("door", sorted(DOORS))
def test_a_door_has_no_logic(door):
    body = ast.parse(SCRIPTS[door].read_text()).body
    kinds = {type(node) for node in body}
    assert kinds == {ast.Expr, ast.Import, ast.ImportFrom, ast.If} and len(body) <= 7
    assert f"`open-seq2seq {DOORS[door]}`" in SCRIPTS[door].read_text()


def test_the_page_lists_them_all():
    page = (ROOT / "docs/commands.md").read_text()
    rows = re.findall(r"^\| `open-seq2seq (.*?)` \| (.*?) \| `(.*?)` \|$", page, re.MULTILINE)
    expected = []
    for name, command in COMMANDS.items():
        mode = f" --mode={name}" if command.door == "run.py" else ""
        expected.append((name, command.summary, f"{command.door}{mode}"))
    assert rows == expected
