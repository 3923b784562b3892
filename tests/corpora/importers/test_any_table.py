"""Tables of any delimiter, encoding and column names, and Excel's."""

import builtins
import csv
import io

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from open_seq2seq.corpora.importers.table_file import read_table
from tests.corpora.importers.layouts import rows_of, run, write_text
from tests.data.corpora import write_audio

HEADER = ["Datei", "Satz", "Wer", "ab", "Länge"]
ROWS = [
    ["clips\\a.wav", 'Er sagt: "ja, gern; ja|nein"', "Anna", "0", "0,5"],
    ["clips/b", "Größe\nzwei", "Ben", "0,25", "0,25"],
]
COLUMNS = ("--audio=Datei", "--text=Satz", "--speaker=Wer", "--offset=ab", "--duration=Länge")
TEXTS = ['Er sagt: "ja, gern; ja|nein"', "Größe zwei"]


@pytest.fixture
def clips(tmp_path):
    write_audio(tmp_path / "clips" / "a.wav", 0.6)
    write_audio(tmp_path / "clips" / "b.flac", 0.5)
    return tmp_path


def as_text(delimiter, rows=(HEADER, *ROWS)):
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter).writerows(rows)
    return stream.getvalue()


def as_excel(path, rows=(HEADER, *ROWS), title="Clips"):
    book = openpyxl.Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    book.create_sheet("other")
    book.save(path)
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_delimiter_and_encoding_are_found(clips, delimiter, encoding):
    table = clips / "table.csv"
    table.write_bytes(as_text(delimiter).encode(encoding))
    assert run("table", table, "--output", clips / "out", *COLUMNS) == 0
    rows = rows_of(clips / "out" / "table.csv")
    assert [row["transcript"] for row in rows] == TEXTS
    assert [row["speaker"] for row in rows] == ["Anna", "Ben"]
    assert [(float(row["offset"]), float(row["duration"])) for row in rows] == [
        (0, 0.5),
        (0.25, 0.25),
    ]
    names = [str(clips / "clips/a.wav"), str(clips / "clips/b.flac")]
    assert [row["wav_filename"] for row in rows] == names


def test_excel(clips, capsys):
    table = as_excel(clips / "table.xlsx")
    assert run("table", table, "--output", clips / "out", *COLUMNS) == 0
    assert [row["transcript"] for row in rows_of(clips / "out" / "table.csv")] == TEXTS
    assert "other sheets, which are not read: 'other' (--sheet)" in capsys.readouterr().out
    assert run("table", table, "--output", clips / "out", "--sheet=clip", *COLUMNS) == 2
    assert "no sheet 'clip'" in capsys.readouterr().err


def test_cells_of_excel_that_are_no_texts(clips, capsys):
    import datetime

    rows = [["path", "text"], ["clips/a", 5], ["clips/b", datetime.datetime(2024, 2, 1)]]
    table = as_excel(clips / "t.xlsx", rows)
    assert run("table", table, "--output", clips / "out") == 2
    assert f"{table}:Clips:3: found the date 2024-02-01" in capsys.readouterr().err
    assert run("table", table, "--output", clips / "out", "--skip_bad_rows") == 0
    assert [row["transcript"] for row in rows_of(clips / "out/t.csv")] == ["5"]


def test_excel_without_its_package(clips, capsys, monkeypatch):
    table = as_excel(clips / "table.xlsx")
    real = builtins.__import__

    def without(name, *rest, **named):
        if name.partition(".")[0] == "openpyxl":
            raise ModuleNotFoundError(name)
        return real(name, *rest, **named)

    import sys

    for name in [name for name in sys.modules if name.partition(".")[0] == "openpyxl"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without)
    assert run("table", table, "--output", clips / "out", *COLUMNS) == 2
    said = capsys.readouterr().err
    assert "pip install openpyxl" in said and "save the table as CSV" in said


@pytest.mark.parametrize("name", ["damaged.xlsx", "old.xls"])
def test_files_that_are_no_tables(clips, capsys, name):
    (clips / name).write_bytes(b"PK\3\4 and nothing")
    assert run("table", clips / name, "--output", clips / "out") == 2
    assert str(clips / name) in capsys.readouterr().err


def test_usual_columns_are_found_and_said(clips, capsys):
    table = write_text(clips / "x.tsv", 'Path\tSentence\tage\nclips/a\tsays "hi" twice\t3\n')
    assert run("table", table, "--output", clips / "out") == 0
    assert rows_of(clips / "out/x.csv")[0]["transcript"] == 'says "hi" twice'
    said = capsys.readouterr().out
    assert "Columns (separated by tabs): audio 'Path', text 'Sentence'" in said


def test_columns_by_number(clips):
    table = write_text(clips / "meta.txt", "a|first, text\nb|second\n")
    flags = ("--no_header", "--audio=1", "--text=2", "--audio_dir", clips / "clips")
    assert run("table", table, "--output", clips / "out", *flags) == 0
    texts = [row["transcript"] for row in rows_of(clips / "out/meta.csv")]
    assert texts == ["first, text", "second"]


def test_parts_of_a_column(clips):
    rows = [["file", "text", "part"], ["clips/a", "x", "train"], ["clips/b", "y", "dev"]]
    table = write_text(clips / "all.csv", as_text(";", rows))
    assert run("table", table, "--output", clips, "--split=part") == 0
    assert [rows_of(clips / f"{name}.csv")[0]["transcript"] for name in ("train", "dev")] == [
        "x",
        "y",
    ]


def test_wrong_columns_are_answered_with_those_that_are_there(clips, capsys):
    table = write_text(clips / "t.csv", as_text(";"))
    assert run("table", table, "--output", clips / "out", "--audio=Datei", "--text=Saatz") == 2
    said = capsys.readouterr().err
    assert "'Datei', 'Satz', 'Wer', 'ab', 'Länge' (separated by semicolons)" in said
    assert "Is it 'Satz'?" in said
    table = write_text(clips / "u.csv", "file,path,text\na,clips/a,x\n")
    assert run("table", table, "--output", clips / "out") == 2
    assert "expected one column for --audio" in capsys.readouterr().err


def test_everything_wrong_is_said_at_once(clips, capsys):
    text = "file,text\nclips/a,good\nclips/c,gone\nclips/b,one,two\n\n,none\nclips/b,\n"
    table = write_text(clips / "t.csv", text)
    assert run("table", table, "--output", clips / "out") == 2
    said = capsys.readouterr().err
    assert f"{table}:3: found 'clips/c', and no file {clips}/clips/c" in said
    assert f"{table}:4: found 3 cells, expected 2 (file, text), separated by commas" in said
    assert f"{table}:6: found an empty cell for the recording" in said
    assert f"{table}:7: found an empty transcript" in said
    assert "4 problems" in said and not (clips / "out/t.csv").exists()


def test_the_table_is_never_overwritten(clips, capsys):
    table = write_text(clips / "t.csv", "file,text\nclips/a,good\n")
    assert run("table", table, "--output", clips) == 2
    assert "would overwrite the table" in capsys.readouterr().err
    assert table.read_text() == "file,text\nclips/a,good\n"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(st.sampled_from("aé \"',;|\t\n\r\x0b\u2028")), min_size=1, max_size=4),
    st.sampled_from(",;\t|"),
)
def test_what_csv_writes_is_read_back(tmp_path_factory, texts, delimiter):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    rows = [["file", "text"], *(["a", text] for text in texts)]
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(rows)
    path.write_bytes(stream.getvalue().encode())
    table = read_table(path, ["file", "text"])
    assert table.header == ["file", "text"] and not table.problems
    assert [cells[1] for _, cells in table.rows] == texts
