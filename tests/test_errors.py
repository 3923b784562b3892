"""Messages: of a few problems each, of many the kinds with counts and places, all in a file."""

from __future__ import annotations

import re
from pathlib import Path

from open_seq2seq.commands.error_output import print_error, shown
from open_seq2seq.errors import InputError, Problem, RunError


def durations(count):
    return [
        Problem(f"a.csv:{n}", f"duration {n} s", f"{n + 1} s", "Correct it.") for n in range(count)
    ]


def characters(count, kinds):
    return [
        Problem(f"a.csv:{n}", f"{chr(65 + n % kinds)} once", "a letter", "Normalise.", kind=
                f"letter {chr(65 + n % kinds)}")
        for n in range(count)
    ]  # fmt: skip


def test_a_few_problems_are_listed_one_by_one():
    problems = durations(10)
    error = InputError("Wrong:", problems)
    assert str(error) == "Wrong:\n" + "\n".join(f"  - {problem}" for problem in problems)
    assert not error.is_shortened
    assert shown(error) == str(error)


def test_many_problems_of_a_kind_say_their_remedy_once_and_ten_places():
    error = InputError("Wrong:", durations(1000))
    lines = str(error).splitlines()
    assert lines[:3] == [
        "Wrong:",
        "  - 1000 times: Correct it.",
        "      a.csv:0: found duration 0 s, expected 1 s",
    ]
    assert lines[12:] == ["      and 990 more."]
    assert error.is_shortened


def test_problems_of_one_kind_are_counted_together():
    lines = str(InputError("Wrong:", characters(1000, 4))).splitlines()
    assert lines == [
        "Wrong:",
        "  - 1000 times, expected a letter. Normalise.",
        *(
            f"      letter {chr(65 + n)}: 250 times: a.csv:{n}; a.csv:{n + 4}; a.csv:{n + 8}; ..."
            for n in range(4)
        ),
    ]
    # The most frequent first; of many kinds how many are not named.
    lines = str(InputError("Wrong:", characters(30, 29))).splitlines()
    assert lines[2] == "      letter A: 2 times: a.csv:0; a.csv:29"
    assert lines[-1] == "      and 19 more."
    lines = str(InputError("Wrong:", characters(40, 20))).splitlines()
    assert lines[-1] == "      and 20 more, of 10 kinds."


def test_problems_that_have_nothing_in_common_are_all_said():
    problems = [Problem(f"key{n}", f"{n}", f"{n + 1}", f"Add {n}.") for n in range(29)]
    error = InputError("Wrong:", problems)
    assert all(f"  - {problem}" in str(error).splitlines() for problem in problems)
    assert not error.is_shortened
    many = [Problem(f"key{n}", f"{n}", f"{n + 1}", f"Add {n}.") for n in range(1000)]
    assert str(InputError("Wrong:", many)).endswith("\n  - and 970 more, of 970 other kinds.")


def test_the_whole_list_is_in_a_file_that_the_message_names(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    problems = durations(1000)
    assert print_error(InputError("Wrong:", problems)) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) < 16
    path = Path(re.search(r"All 1000 are listed in (\S+)\n", said)[1])
    assert path.parent == tmp_path
    assert path.read_text() == "Wrong:\n" + "".join(f"  - {problem}\n" for problem in problems)
    # Another start writes another one.
    print_error(InputError("Wrong:", problems))
    assert len(list(tmp_path.iterdir())) == 2


def test_a_list_that_cannot_be_written_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    said = shown(InputError("Wrong:", durations(11)))
    assert "The list of all 11 could not be written: [Errno 2]" in said


def test_other_errors_are_their_message(capsys):
    assert print_error(RunError("It failed.")) == 1
    assert capsys.readouterr().err == "It failed.\n"
