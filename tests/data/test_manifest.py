"""Manifests: both formats, path resolution, and what is said about malformed ones."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from open_seq2seq.data.manifest import read_manifests
from open_seq2seq.errors import InputError

HEADER = "wav_filename,wav_filesize,transcript\n"


def write(path: Path, content: str | bytes) -> str:
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return str(path)


def messages(path: str, need_transcript: bool = True) -> list[str]:
    with pytest.raises(InputError) as caught:
        read_manifests([path], need_transcript)
    return [str(problem) for problem in caught.value.problems]


def test_csv_rows(tmp_path):
    file = write(tmp_path / "a.csv", HEADER + "x.wav,10,hello\n/abs/y.wav,20,good bye\n")
    first, second = read_manifests([file], need_transcript=True)
    assert first.path == str(tmp_path / "x.wav")
    assert (first.name, first.transcript, first.duration) == ("x.wav", "hello", None)
    assert first.source == f"{file}:2"
    assert (second.path, second.name, second.source) == ("/abs/y.wav", "/abs/y.wav", f"{file}:3")


@pytest.mark.parametrize("text", ["", "null", "nan", "NaN", "None", "NA", "1.0", " two  words "])
def test_transcripts_stay_text(tmp_path, text):
    file = write(tmp_path / "a.csv", HEADER + f"x.wav,10,{text}\n")
    assert read_manifests([file], need_transcript=True)[0].transcript == text


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_byte_order_mark_and_newlines(tmp_path, start, newline):
    content = (HEADER + 'x.wav,1,"grüße, ""du"""\n\ny.wav,2,b\n').replace("\n", newline)
    file = write(tmp_path / "a.csv", start + content.encode())
    rows = read_manifests([file], need_transcript=True)
    assert [row.transcript for row in rows] == ['grüße, "du"', "b"]
    assert [row.source for row in rows] == [f"{file}:2", f"{file}:4"]


def test_newline_in_quotes_keeps_line_numbers(tmp_path):
    file = write(tmp_path / "a.csv", HEADER + 'x.wav,1,"one\ntwo"\ny.wav,2,b\n')
    rows = read_manifests([file], need_transcript=True)
    assert [row.transcript for row in rows] == ["one\ntwo", "b"]
    assert [row.source for row in rows] == [f"{file}:2", f"{file}:4"]


cells = st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=20)


@given(rows=st.lists(st.tuples(cells.filter(str.strip), cells), min_size=1, max_size=8))
def test_reads_what_pandas_reads(rows, tmp_path_factory):
    file = tmp_path_factory.mktemp("csv") / "a.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, quoting=csv.QUOTE_ALL)
        writer.writerow(["wav_filename", "transcript"])
        writer.writerows(rows)
    table = pd.read_csv(file, dtype=str, keep_default_na=False)
    read = read_manifests([str(file)], need_transcript=True)
    assert [(row.name, row.transcript) for row in read] == rows
    assert table["transcript"].tolist() == [row.transcript for row in read]


def test_relative_paths(tmp_path, monkeypatch):
    folder, work = tmp_path / "corpus", tmp_path / "work"
    for path in (folder, work, work / "more"):
        path.mkdir()
    for path in (folder / "both.wav", work / "both.wav", work / "more" / "here.wav"):
        path.touch()
    file = write(
        folder / "a.csv", "wav_filename\nboth.wav\nmore/here.wav\nnowhere.wav\nmore/{}/syn.wav\n"
    )
    monkeypatch.chdir(work)
    paths = [row.path for row in read_manifests([file], need_transcript=False)]
    assert paths == [
        str(folder / "both.wav"),
        str(work / "more/here.wav"),
        str(folder / "nowhere.wav"),
        str(work / "more/{}/syn.wav"),
    ]


def test_manifest_given_relative_to_the_working_directory(tmp_path, monkeypatch):
    (tmp_path / "x.wav").touch()
    write(tmp_path / "a.csv", "wav_filename\nx.wav\n")
    monkeypatch.chdir(tmp_path)
    row = read_manifests(["a.csv"], need_transcript=False)[0]
    assert Path(row.path).exists()
    assert row.source == "a.csv:2"


def test_files_are_concatenated_in_order(tmp_path):
    first = write(tmp_path / "a.csv", HEADER + "x.wav,1,a\n")
    second = write(
        tmp_path / "b.json", json.dumps({"audio_filepath": "y.wav", "duration": 1.5, "text": "b"})
    )
    rows = read_manifests([second, first], need_transcript=True)
    assert [(row.name, row.duration) for row in rows] == [("y.wav", 1.5), ("x.wav", None)]


def test_infer_needs_only_file_names(tmp_path):
    bare = write(tmp_path / "a.csv", "wav_filename\nx.wav\n")
    labelled = write(tmp_path / "b.csv", HEADER + "x.wav,1,a\n")
    assert read_manifests([bare], need_transcript=False)[0].transcript is None
    assert read_manifests([labelled], need_transcript=False)[0].transcript == "a"
    jsonl = write(tmp_path / "c.json", '{"audio_filepath": "x.wav"}\n')
    assert read_manifests([jsonl], need_transcript=False)[0].transcript is None


def test_json_lines(tmp_path):
    lines = [
        {"audio_filepath": "x.wav", "duration": 2, "text": "grüße", "offset": 0, "speaker": "a"},
        {"audio_filepath": "/y.wav", "text": None},
        {"audio_filepath": "z.wav", "text": float("nan")},
    ]
    content = "\n\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
    file = write(tmp_path / "a.json", b"\xef\xbb\xbf" + content.encode())
    rows = read_manifests([file], need_transcript=True)
    assert [row.transcript for row in rows] == ["grüße", "", ""]
    assert [row.duration for row in rows] == [2.0, None, None]
    assert [row.source for row in rows] == [f"{file}:{line}" for line in (1, 3, 5)]
    assert rows[0].path == str(tmp_path / "x.wav")


def test_missing_columns(tmp_path):
    file = write(tmp_path / "a.csv", "wav_filenames,text\nx,y\n")
    (message,) = messages(file)
    assert f"{file}:1: found the columns 'wav_filenames', 'text'" in message
    assert "the columns wav_filename and transcript" in message
    assert "Rename the column 'wav_filenames' to wav_filename." in message
    semicolons = write(tmp_path / "b.csv", "wav_filename;transcript\nx;y\n")
    assert "commas" in messages(semicolons, need_transcript=False)[0]


def test_ragged_rows_are_all_listed(tmp_path):
    file = write(tmp_path / "a.csv", HEADER + "x.wav,1,a, b\ny.wav,1,b\nz.wav\n,1,c\n")
    first, second, third = messages(file)
    assert first.startswith(f"{file}:2: found 4 cells, expected 3")
    assert "in quotes" in first
    assert second.startswith(f"{file}:4: found 1 cells, expected 3")
    assert third.startswith(f"{file}:5: found an empty wav_filename")


def test_open_quote_names_its_row(tmp_path):
    file = write(tmp_path / "a.csv", HEADER + 'x.wav,1,a\ny.wav,1,"b\nz.wav,1,c\n')
    (message,) = messages(file)
    assert message.startswith(f"{file}:3:") and "never closed" in message


def test_bad_json_names_line_and_column(tmp_path):
    file = write(
        tmp_path / "a.json",
        '{"audio_filepath": "x.wav", "text": "a"}\n'
        '{"audio_filepath": "x.wav" "text": "a"}\n'
        '["x.wav"]\n'
        '{"audio_path": "x.wav", "text": 3, "duration": -1}\n'
        '{"audio_filepath": "x.wav", "text": "a", "offset": 1.5}\n'
        '{"audio_filepath": "x.wav", "duration": "long", "text": "a"}\n',
    )
    found = messages(file)
    assert found[0].startswith(f"{file}:2:28:")
    assert found[1].startswith(f"{file}:3: found a JSON array")
    assert "no audio_filepath, but audio_path" in found[2]
    assert "text 3" in found[3] and "duration -1" in found[4]
    assert found[5].startswith(f"{file}:5: found offset 1.5")
    assert found[6].startswith(f"{file}:6: found duration 'long'")
    assert len(found) == 7


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ('{"audio_filepath": "a.wav", "text": "a", "duration": ' + "1" * 400 + "}", "duration 111"),
        ('{"audio_filepath": "a.wav", "text": ' + "1" * 5000 + "}", "a number of thousands of"),
        ('{"audio_filepath": "a.wav", "text": ' + "[" * 100_000, "nested too deeply"),
        ("@FILE\tFILE\na.wav\ta\0.txt", "embedded null byte"),
    ],
)
def test_what_no_program_writes(tmp_path, content, found):
    (message,) = messages(write(tmp_path / "a.json", content))
    assert f"found {found}" in message or found in message
    assert len(message) < 2000


def test_missing_and_empty_manifests_together(tmp_path):
    empty = write(tmp_path / "empty.csv", "")
    header = write(tmp_path / "header.csv", HEADER)
    missing = str(tmp_path / "missing.csv")
    with pytest.raises(InputError) as caught:
        read_manifests([empty, missing, header], need_transcript=True)
    text = str(caught.value)
    assert f"{empty}: found an empty file" in text
    assert f"{missing}: found No such file" in text
    assert f"{header}: found no rows" in text
    with pytest.raises(InputError, match="at least one manifest"):
        read_manifests([], need_transcript=True)


def test_not_utf8(tmp_path):
    file = write(tmp_path / "a.csv", (HEADER + "x.wav,1,grüße\n").encode("latin-1"))
    (message,) = messages(file)
    assert message.startswith(f"{file}:2:11: found byte 0xFC") and "UTF-8" in message


FULL = "wav_filename,wav_filesize,transcript,duration,offset,speaker\n"


def test_csv_segments_and_speakers(tmp_path):
    file = write(
        tmp_path / "a.csv", FULL + "x.wav,1,a,2.5,1.25,anna\ny.wav,1,b,,,\nz.wav,1,c,3,,7\n"
    )
    rows = read_manifests([file], need_transcript=True)
    assert [(row.duration, row.offset, row.speaker) for row in rows] == [
        (2.5, 1.25, "anna"),
        (None, None, None),
        (3.0, None, "7"),
    ]


def test_json_segments_and_speakers(tmp_path):
    lines = [
        {"audio_filepath": "x.wav", "text": "a", "duration": 2, "offset": 0.5, "speaker": "anna"},
        {"audio_filepath": "x.wav", "text": "b", "duration": 2, "offset": 0.0, "speaker": 12},
        {"audio_filepath": "x.wav", "text": "c", "offset": 0},
    ]
    file = write(tmp_path / "a.json", "\n".join(map(json.dumps, lines)))
    rows = read_manifests([file], need_transcript=True)
    assert [(row.duration, row.offset, row.speaker) for row in rows] == [
        (2.0, 0.5, "anna"),
        (2.0, 0.0, "12"),
        (None, None, None),
    ]


def test_malformed_segments_are_all_listed(tmp_path):
    file = write(
        tmp_path / "a.csv",
        FULL + "x.wav,1,a,,1.25,\ny.wav,1,b,2,-1,\nz.wav,1,c,0,1,\nv.wav,1,c,1,soon,\n",
    )
    found = messages(file)
    assert found[0].startswith(f"{file}:2: found offset 1.25 without a duration")
    assert found[1].startswith(f"{file}:3: found offset '-1'")
    assert found[2].startswith(f"{file}:4: found duration 0 of a segment")
    assert found[3].startswith(f"{file}:5: found offset 'soon'")
    assert len(found) == 4


@pytest.fixture
def pairs(tmp_path):
    """Transcripts' files, and the rows of a two-column manifest."""
    for name, text in [("a", "hello you\n"), ("b", "  good bye"), ("ü", "grüße, du\r\n")]:
        write(tmp_path / f"{name}.txt", text)
    return "a.wav,a.txt\n" + f"{tmp_path}/b.flac,{tmp_path}/b.txt\n" + "sub/ü.wav,ü.txt\n"


def test_pairs(tmp_path, pairs):
    file = write(tmp_path / "a.csv", pairs)
    rows = read_manifests([file], need_transcript=True)
    assert [row.transcript for row in rows] == ["hello you", "good bye", "grüße, du"]
    assert [row.name for row in rows] == ["a.wav", f"{tmp_path}/b.flac", "sub/ü.wav"]
    assert rows[0].path == str(tmp_path / "a.wav")
    assert [row.source for row in rows] == [f"{file}:{line}" for line in (1, 2, 3)]
    tabs = "@FILE\tFILE\n" + pairs.replace(",", "\t")
    read = read_manifests([write(tmp_path / "b.tsv", tabs)], need_transcript=True)
    assert [(row.path, row.transcript) for row in read] == [
        (row.path, row.transcript) for row in rows
    ]


def test_transcripts_that_cannot_be_read(tmp_path, pairs):
    write(tmp_path / "latin.txt", "grüße".encode("latin-1"))
    more = "c.wav,missing.txt\nd.wav,latin.txt\n,a.txt\ne.wav,\n"
    file = write(tmp_path / "a.csv", pairs + more)
    found = messages(file)
    assert found[0].startswith(f"{file}:4: found {tmp_path}/missing.txt: No such file")
    assert found[1].startswith(f"{file}:5: found {tmp_path}/latin.txt:1:3: byte 0xFC")
    assert found[2].startswith(f"{file}:6: found an empty audio path")
    assert found[3].startswith(f"{file}:7: found an empty transcript path")
    assert len(found) == 4
    file = write(tmp_path / "b.csv", pairs + more.splitlines()[0])
    assert read_manifests([file], need_transcript=False)[-1].transcript is None


def test_text_without_a_header_is_no_pair(tmp_path):
    (message,) = messages(write(tmp_path / "a.csv", "x.wav,hello you\n"), need_transcript=False)
    assert "a header row with a column wav_filename" in message


@pytest.mark.parametrize("size", ["", ",12"])
def test_a_manifest_without_a_header(tmp_path, size):
    """One line, and what it tells to do helps."""
    rows = f"a/x.wav{size},hello you\na/y.wav{size},no\n"
    file = write(tmp_path / "a.csv", rows)
    (message,) = messages(file)
    assert f"{file}:1: found no header, but the row 'a/x.wav'" in message
    line = re.search(r"Put the line (\S+) in front", message)[1]
    texts = [
        one.transcript
        for one in read_manifests([write(tmp_path / "b.csv", f"{line}\n{rows}")], True)
    ]
    assert texts == ["hello you", "no"]


@pytest.mark.parametrize(
    "header, remedy",
    [
        ("file,text", "read by scripts/import_table.py"),
        ("wav_file,text,transcripts", "'wav_file' to wav_filename and 'transcripts' to transcript"),
        ("wav_filename;transcript", "Separate the columns by commas"),
        ("hello", "wav_filename and transcript"),
    ],
)
def test_other_first_lines_are_one_problem(tmp_path, header, remedy):
    (message,) = messages(write(tmp_path / "a.csv", f"{header}\na.wav,b\n"))
    assert remedy in message


CSV = HEADER + "x.wav,1,a\ny.wav,2,b\n"
JSON = '{"audio_filepath": "v.wav", "text": "c"}\n{"audio_filepath": "w.wav", "text": "d"}\n'
OTHER = "transcript,wav_filename,duration\ne,z.wav,2.5\n"
PAIRS = "p.wav,p.txt\nq.wav,q.txt\n"
KINDS = {
    "csv": (CSV, [("x.wav", "a", None), ("y.wav", "b", None)]),
    "other csv": (OTHER, [("z.wav", "e", 2.5)]),
    "json": (JSON, [("v.wav", "c", None), ("w.wav", "d", None)]),
    "pairs": (PAIRS, [("p.wav", "text p", None), ("q.wav", "text q", None)]),
    "neon": ("@FILE\tFILE\n" + PAIRS.replace(",", "\t"), [("p.wav", "text p", None),
                                                          ("q.wav", "text q", None)]),
}  # fmt: skip


@given(
    st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=6), st.sampled_from(["", "\n"])
)
def test_concatenated(tmp_path_factory, kinds, blank):
    """`cat a b c`, of any kinds, with and without blank lines, reads like the files alone."""
    folder = tmp_path_factory.mktemp("cat")
    for name in "pq":
        write(folder / f"{name}.txt", f"text {name}\n")
    file = write(folder / "all", "".join(KINDS[kind][0] + blank for kind in kinds))
    rows = read_manifests([file], need_transcript=True)
    assert [(row.name, row.transcript, row.duration) for row in rows] == [
        row for kind in kinds for row in KINDS[kind][1]
    ]


@pytest.mark.parametrize("first", sorted(KINDS))
@pytest.mark.parametrize("second", sorted(KINDS))
def test_concatenated_without_a_newline(tmp_path, first, second):
    for name in "pq":
        write(tmp_path / f"{name}.txt", f"text {name}\n")
    start = KINDS[first][0].removesuffix("\n")
    file = write(tmp_path / "all", start + KINDS[second][0])
    found = messages(file)
    assert found[0].startswith(f"{file}:{start.count(chr(10)) + 1}")


def test_one_column_and_quotes_without_a_newline(tmp_path):
    bare = "wav_filename\nx.wav"
    file = write(tmp_path / "a.csv", bare + bare)
    (message,) = messages(file, need_transcript=False)
    assert message.startswith(f"{file}:2: found two rows in one line") and "newline" in message
    file = write(tmp_path / "b.csv", HEADER + 'x.wav,1,"a"' + CSV)
    assert messages(file)[0].startswith(f"{file}:2: ") and "newline" in messages(file)[0]


def test_pairs_behind_two_columns_cannot_be_told_apart(tmp_path):
    file = write(tmp_path / "a.csv", "wav_filename,transcript\nx.wav,a\n" + PAIRS)
    first, second = messages(file)
    assert first.startswith(f"{file}:3: found the transcript 'p.txt', the path of a file")
    assert second.startswith(f"{file}:4: ")


def test_header_in_the_middle_that_lacks_a_column(tmp_path):
    file = write(tmp_path / "a.csv", CSV + "wav_filename,wav_filesize\nz.wav,1\n" + CSV)
    (message,) = messages(file)
    assert message.startswith(f"{file}:4: ") and "transcript" in message
