"""Manifests as Arrow and Parquet: the rows of CSV and JSON lines, and the same messages."""

from __future__ import annotations

import dataclasses
import json
import pickle
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from open_seq2seq.commands.data.convert import main as convert
from open_seq2seq.data import manifest_table, row_texts, tables
from open_seq2seq.data.manifest import read_manifests
from open_seq2seq.data.manifest_table import Manifest
from open_seq2seq.errors import InputError
from open_seq2seq.training.progress import rows_digest
from tests.data.corpora import write_audio

# A run whose rows are told apart one by one.
OLD = {"rows": "0123456789abcdef"}


def write_jsonl(path: Path, rows: list[dict]) -> str:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return str(path)


def rows_of(count: int) -> list[dict]:
    return [
        {
            "audio_filepath": f"a/{number:05d}.wav",
            "text": "" if number % 50 == 3 else f"wörter {number} " * (number % 4 + 1),
            "duration": round(1 + number % 17 * 0.37, 2),
            **({"offset": number * 0.5} if number % 3 == 0 else {}),
            **({"speaker": f"s{number % 7}"} if number % 5 else {}),
            **({"words": f"w {number}"} if number % 4 else {}),
        }
        for number in range(count)
    ]


def without_source(manifest) -> list:
    return [dataclasses.replace(one, source="") for one in manifest]


def converted(folder: Path, kind: str) -> tuple[str, str]:
    jsonl = write_jsonl(folder / "a.jsonl", rows_of(2500))
    assert convert([jsonl, "--output", str(folder / f"a.{kind}")]) == 0
    return jsonl, str(folder / f"a.{kind}")


@pytest.fixture(params=["arrow", "parquet"])
def either(tmp_path, monkeypatch, request) -> tuple[str, str]:
    """The same manifest as JSON lines and, converted, as a table of several groups."""
    monkeypatch.setattr("open_seq2seq.data.table_writer._ARROW_GROUP", 1000)
    return converted(tmp_path, request.param)


@pytest.fixture
def corpus(tmp_path) -> tuple[str, str]:
    """The same manifest as JSON lines and as Parquet."""
    return converted(tmp_path, "parquet")


def test_tables_have_the_rows_of_json_lines(either):
    first, second = (read_manifests([file], True) for file in either)
    assert without_source(first) == without_source(second)
    np.testing.assert_array_equal(first.durations, second.durations)
    np.testing.assert_array_equal(first.offsets, second.offsets)
    assert second[1030].source == f"{either[1]}:1031"
    assert list(first.contents()) == list(second.contents())
    assert rows_digest(first, OLD) == rows_digest(second, OLD) == rows_digest(list(first))
    assert rows_digest(first) == rows_digest(second) == rows_digest(Manifest.of(list(first)))


@pytest.mark.parametrize("kind", ["arrow", "parquet"])
def test_identity_is_that_of_old_runs(tmp_path, kind):
    """Without segments the digest comes from Arrow: the one of a list of rows."""
    rows = [{k: v for k, v in row.items() if k != "offset"} for row in rows_of(3000)]
    jsonl = write_jsonl(tmp_path / "a.jsonl", rows)
    convert([jsonl, "--output", str(tmp_path / f"a.{kind}")])
    manifest = read_manifests([str(tmp_path / f"a.{kind}")], True)
    assert manifest.offsets is None
    assert rows_digest(manifest, OLD) == rows_digest(list(manifest))
    some = manifest.take(np.arange(0, 3000, 7))
    assert rows_digest(some, OLD) == rows_digest(list(some)) != rows_digest(manifest, OLD)
    assert rows_digest(some) == rows_digest(Manifest.of(list(some))) != rows_digest(manifest)


@pytest.mark.parametrize("kind", ["arrow", "parquet"])
def test_a_digest_sees_every_change_but_folders(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(manifest_table, "_DIGEST_BLOCK", 256)
    rows = [{k: v for k, v in row.items() if k != "offset"} for row in rows_of(600)]

    def digest(name, changed):
        convert([write_jsonl(tmp_path / f"{name}.jsonl", changed), "--output",
                 str(tmp_path / f"{name}.{kind}")])  # fmt: skip
        return rows_digest(read_manifests([str(tmp_path / f"{name}.{kind}")], True))

    first = digest("a", rows)
    moved = [{**row, "audio_filepath": f"/x/y/{Path(row['audio_filepath']).name}"} for row in rows]
    assert digest("b", moved) == first
    last = rows[-1]
    name, text = last["audio_filepath"], last["text"]
    # Also where what is joined stays the same: the end of a name that becomes a text's beginning.
    for number, other in enumerate([
        {**last, "text": f"{text}x"},
        {**last, "audio_filepath": f"{name}x"},
        {**last, "audio_filepath": name[:-1], "text": f"{name[-1]}{text}"},
    ]):  # fmt: skip
        assert digest(f"c{number}", [*rows[:-1], other]) != first
    assert digest("d", [*rows[1:], rows[0]]) != first
    assert digest("e", rows[:-1]) != first


@pytest.mark.parametrize("normalization", [None, "plain"])
def test_rows_are_views(either, normalization):
    """Slices, taken rows and normalised ones, against a list of all."""
    manifest = read_manifests([either[1], either[0]], True).normalized(normalization)
    listed = list(manifest)
    rows = np.random.default_rng(0).permutation(len(listed))[:500]
    taken = manifest.take(rows)
    assert list(taken) == [listed[row] for row in rows]
    assert list(taken[::-3]) == [listed[row] for row in rows[::-3]]
    assert [text for _, _, text in taken.contents()] == [listed[row].transcript for row in rows]
    assert manifest[-1] == listed[-1] and manifest == listed
    with pytest.raises(IndexError):
        manifest[len(listed)]
    if normalization:
        assert listed[1].transcript == "wörter 1 wörter 1" and listed[1].written


def test_folder_of_files(corpus, tmp_path):
    (tmp_path / "folder").mkdir()
    table = pq.read_table(corpus[1])
    for number, start in enumerate((0, 1000, 2000)):
        pq.write_table(table.slice(start, 1000), tmp_path / f"folder/{number}.parquet")
    found = read_manifests([str(tmp_path / "folder")], True)
    # The names are relative to another folder now.
    assert [one.name for one in found] == [row["audio_filepath"] for row in rows_of(2500)]
    assert found[2000].source == f"{tmp_path / 'folder/2.parquet'}:1"


def test_large_row_groups_are_copied_to_a_file(corpus, monkeypatch):
    expected = without_source(read_manifests([corpus[0]], True))
    monkeypatch.setattr("open_seq2seq.data.table_manifest.MOST_ROWS", 100)
    monkeypatch.setattr(row_texts, "_MOST_IN_MEMORY", 1000)
    manifest = read_manifests([corpus[1]], True)
    assert isinstance(manifest.parts[0], row_texts.SpooledTexts)
    assert without_source(manifest) == expected
    assert manifest[7].source == f"{corpus[1]}:8"


def test_texts_in_a_temporary_file(corpus, monkeypatch):
    before = list(read_manifests([corpus[0]], True))
    monkeypatch.setattr(row_texts, "_MOST_IN_MEMORY", 1000)
    assert list(read_manifests([corpus[0]], True)) == before


def test_threads_read_rows(either, monkeypatch):
    monkeypatch.setattr(tables.ParquetTable, "kept", 1)
    manifest = read_manifests([either[1]], True)
    names = [row["audio_filepath"] for row in rows_of(2500)]
    wrong: list[int] = []

    def read(seed: int) -> None:
        for row in np.random.default_rng(seed).integers(2500, size=300).tolist():
            if manifest[row].name != names[row]:
                wrong.append(row)

    threads = [threading.Thread(target=read, args=[seed]) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_columns_of_csv_and_what_others_write(tmp_path):
    table = {
        "wav_filename": ["x.wav"],
        "transcript": pa.array([None], pa.string()),
        "duration": pa.array([2.3], pa.float32()),
    }
    pq.write_table(pa.table({**table, "speaker": [7], "more": [1]}), tmp_path / "a.parquet")
    (row,) = read_manifests([str(tmp_path / "a.parquet")], True)
    assert (row.name, row.transcript, row.duration, row.speaker) == ("x.wav", "", 2.3, "7")
    assert row.path == str(tmp_path / "x.wav")


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({"path": ["x"], "text": ["a"]}, "found the columns 'path', 'text', expected a column au"),
        ({"audio_filepath": ["x"]}, "expected a column text or transcript"),
        ({"audio_filepath": ["x", " "], "text": ["a", "b"]}, ":2: found an empty audio_filepath"),
        ({"audio_filepath": ["x", None], "text": ["a", "b"]}, ":2: found an empty audio_filepath"),
        ({"audio_filepath": [1], "text": ["a"]}, "audio_filepath: found a column of int64"),
        ({"audio_filepath": ["x"], "text": ["a"], "duration": [-1.0]}, ":1: found duration -1.0"),
        ({"audio_filepath": ["x"], "text": ["a"], "duration": ["1"]}, "found a column of string"),
        ({"audio_filepath": ["x"], "text": ["a"], "offset": [2.0]}, "offset 2 without a duration"),
        (
            {"audio_filepath": ["x"], "text": ["a"], "offset": [2.0], "duration": [0.0]},
            "duration 0 of a segment",
        ),
        ({"audio_filepath": pa.array([], pa.string()), "text": pa.array([], pa.string())},
         "found no rows"),
    ],
)  # fmt: skip
def test_messages(tmp_path, table, expected):
    pq.write_table(pa.table(table), tmp_path / "a.parquet")
    with pytest.raises(InputError) as caught:
        read_manifests([str(tmp_path / "a.parquet")], True)
    assert expected in str(caught.value)


def test_a_file_that_is_no_parquet(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"wav_filename,transcript\n")
    with pytest.raises(InputError, match=r"a\.parquet: .*expected a Parquet file"):
        read_manifests([str(tmp_path / "a.parquet")], True)


def test_convert_measures_what_is_missing(tmp_path, capsys):
    write_audio(tmp_path / "x.wav", 1.5)
    jsonl = write_jsonl(
        tmp_path / "a.jsonl",
        [{"audio_filepath": "x.wav", "text": "a"}, {"audio_filepath": "no.wav", "text": "b"}],
    )
    (tmp_path / "deep").mkdir()
    output = tmp_path / "deep/a.parquet"
    assert convert([jsonl, "--output", str(output)]) == 1
    assert f"Without duration: {jsonl}:2: found {tmp_path}/no.wav" in capsys.readouterr().err
    first, second = read_manifests([str(output)], True)
    assert (first.duration, second.duration) == (1.5, None)
    assert first.path == str(tmp_path / "x.wav")
    assert convert([jsonl, "--output", str(output)]) == 2
    assert "which is there" in capsys.readouterr().err


def test_memory_of_a_row(either):
    """What a manifest holds in memory grows by 64 bytes a row at most."""
    for file in either:
        manifest = read_manifests([file], True)
        arrays = [manifest.durations, manifest.offsets]
        (texts,) = manifest.parts
        arrays += [value for value in vars(texts).values() if isinstance(value, np.ndarray)]
        assert sum(one.nbytes for one in arrays) <= 24 * len(manifest) + 64
        taken = manifest.take(np.arange(len(manifest)))
        assert len(pickle.dumps((taken.durations, taken.offsets, taken._places))) < 64 * len(taken)


def test_listed_rows_are_kept():
    from open_seq2seq.data.utterance import Utterance

    rows = [Utterance("/x", "x", "a", None, "there:1"), Utterance("/y", "y", None, 2.0, "there:2")]
    manifest = Manifest.of(rows)
    assert manifest == rows and manifest[1] is rows[1]
    assert np.isnan(manifest.durations[0]) and manifest.offsets is None
