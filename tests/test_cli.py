"""The command `open-seq2seq`: its list, its groups, what is no command."""

import re
import subprocess
import sys

import pytest

from open_seq2seq.cli import main
from open_seq2seq.commands.registry import COMMANDS

GROUPS = sorted({name.split()[0] for name in COMMANDS if " " in name} - COMMANDS.keys())


def test_the_list_has_a_line_for_each_command(capsys):
    assert main(["--help"]) == 0
    out, err = capsys.readouterr()
    lines = [line.strip() for line in out.splitlines()]
    for name, command in COMMANDS.items():
        assert any(line.startswith(name) and line.endswith(command.summary) for line in lines)
    assert err == "" and max(map(len, out.splitlines())) <= 100


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_lists_its_commands_only(group, capsys):
    assert main([group, "--help"]) == main([group, "-h"]) == 0
    out = capsys.readouterr().out
    listed = re.findall(r"^  (\w+) +(.*)$", out, re.MULTILINE)
    its = {name: one.summary for name, one in COMMANDS.items() if name.startswith(f"{group} ")}
    assert {f"{group} {name}": summary for name, summary in listed} == its
    assert f"open-seq2seq {group} COMMAND --help" in out


def test_the_list_waits_for_no_package():
    program = (
        "import sys\n"
        "from open_seq2seq.cli import main\n"
        "assert main(['--help']) == 0 and main(['lm', '--help']) in (0, 2)\n"
        "heavy = {'keras', 'tensorflow', 'jax', 'numpy', 'pandas', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["evl"], "eval"),
        (["transcribe", "a.wav"], "infer"),
        (["train-eval", "--config_file=x"], "train_eval"),
        (["check-data", "a.csv"], "data check"),
        (["build", "a.txt"], "lm build"),
    ],
)
def test_what_is_no_command_is_answered_with_the_nearest(arguments, meant, capsys):
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    assert f"no command {' '.join(arguments[:1])!r}. Did you mean open-seq2seq {meant}?" in err


def test_within_a_group_the_nearest_is_of_the_group(capsys):
    assert main(["lm", "biuld", "a.txt"]) == 2
    err = capsys.readouterr().err
    assert "no command 'lm biuld'. Did you mean open-seq2seq lm build?" in err


def test_nothing_near_nothing_guessed(capsys):
    assert main(["xyzzy"]) == 2
    assert "Did you mean" not in capsys.readouterr().err


def test_no_command_is_wrong_usage(capsys):
    assert main([]) == 2
    assert "commands:" in capsys.readouterr().err


def test_without_a_command_it_is_run_py(capsys):
    assert main(["--config_file=no.py", "--mode=eval"]) == 2
    assert "no.py: found no such file" in capsys.readouterr().err
    assert main(["--config_file=no.py", "--mode=evl"]) == 2
    assert "Did you mean eval?" in capsys.readouterr().err


def test_a_mode_is_a_command(capsys):
    assert main(["eval", "--config_file=no.py"]) == 2
    assert "no.py: found no such file" in capsys.readouterr().err
    assert main(["eval", "--config_file=no.py", "--mode=train"]) == 2
    assert "open-seq2seq eval: error: argument --mode" in capsys.readouterr().err


def test_the_package_is_the_command():
    command = [sys.executable, "-m", "open_seq2seq", "nothing"]
    finished = subprocess.run(command, capture_output=True, text=True)
    assert finished.returncode == 2 and "no command 'nothing'" in finished.stderr
