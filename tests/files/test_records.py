"""Records after a full disk, a kill, a power failure."""

import errno
import json
import os

import pytest

from open_seq2seq.errors import InputError, RunError
from open_seq2seq.files import (
    NUMBER,
    append_json_line,
    append_text,
    mend_json_lines,
    misfits,
    read_json,
    read_json_lines,
)

FORM = {"step": int, "wer?": NUMBER}


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize(
    ("tail", "said"),
    [
        (b'{"step": 3, "w', "no whole record"),
        (b"\0" * 700, "700 NUL bytes"),
        (b'{"step": 3, "w\0\0\0\0', "no whole record"),
        (b'{"step": "three"}\n', "text, not a number in step"),
        (b"3\n", "a JSON int, not an object"),
        (b"\xff\xfe\n", "no whole record"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_a_broken_line_is_left_out_said_once_and_mended(tmp_path, tail, said):
    path = tmp_path / "e.jsonl"
    append_json_line(path, {"step": 1})
    append_json_line(path, {"step": 2, "wer": 0.5})
    whole = path.read_bytes()
    path.write_bytes(whole + tail)
    values, left_out = read_json_lines(path, FORM)
    assert values == [{"step": 1}, {"step": 2, "wer": 0.5}]
    assert len(left_out) == 1 and f"{path}:3 is left out" in left_out[0] and said in left_out[0]
    assert mend_json_lines(path, FORM) == left_out and path.read_bytes() == whole
    assert mend_json_lines(path, FORM) == []


def test_a_line_behind_a_cut_one_begins_anew(tmp_path):
    path = tmp_path / "e.jsonl"
    path.write_text('{"step": 1}\n{"st')
    append_json_line(path, {"step": 2})
    values, left_out = read_json_lines(path, FORM)
    assert [one["step"] for one in values] == [1, 2] and len(left_out) == 1


def test_what_is_not_there_has_no_lines(tmp_path):
    assert read_json_lines(tmp_path / "none", FORM) == ([], [])
    assert mend_json_lines(tmp_path / "none", FORM) == []
    with pytest.raises(InputError, match="directory"):
        read_json_lines(tmp_path, FORM)


def test_a_full_disk_leaves_no_half_line(tmp_path, monkeypatch):
    path = tmp_path / "e.jsonl"
    append_json_line(path, {"step": 1})

    def full(descriptor):
        assert os.fstat(descriptor).st_size > len('{"step": 1}\n')  # something was written
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match=r"e\.jsonl could not be written: there is no space left"):
        append_text(path, "a text\n")
    assert lines(path) == [{"step": 1}]


@pytest.mark.parametrize(
    ("value", "form", "wrong"),
    [
        (1, int, []),
        (True, int, ["a JSON true or false, not a number"]),
        (None, (int, None), []),
        ("x", (int, None), ["a JSON text, not a number or null"]),
        ([1, "a"], [int], ["a text, not a number in [1]"]),
        ({"a": {"b": None}}, {"a": {"b": str}}, ["a null, not text in a.b"]),
        ({}, {"a": int, "b?": int}, ["no a"]),
        ([], {}, ["a JSON list, not an object"]),
        ({"more": 1}, {}, []),
        ({"a": 2**63}, {"a": NUMBER}, ["a number out of range in a"]),
        ({"a": 2**63 - 1}, {"a": NUMBER}, []),
    ],
)
def test_forms(value, form, wrong):
    assert list(misfits(value, form)) == wrong


@pytest.mark.parametrize(
    ("content", "found"), [(b"", "an empty file"), (b"{", "no JSON"), (b"\0", "no JSON"),
                           (b"{}", "no step"), (None, "No such file")]
)  # fmt: skip
def test_what_is_no_record_is_named(tmp_path, content, found):
    path = tmp_path / "r.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=found) as caught:
        read_json(path, FORM, "It cannot be read:", "Move it away.")
    assert str(path) in str(caught.value) and "Move it away." in str(caught.value)
