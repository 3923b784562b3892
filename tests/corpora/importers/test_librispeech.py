"""Folders in LibriSpeech's layout: what is found, what is written, and that a run goes on."""

import csv

import pytest
import soundfile

from open_seq2seq.corpora.importers import durations, texts
from open_seq2seq.data.headers import scan_headers
from open_seq2seq.data.manifest import read_manifests
from open_seq2seq.data.normalization import NORMALIZERS
from open_seq2seq.files import write_csv
from tests.corpora.importers.layouts import librispeech_part, rows_of, run, write_text
from tests.data.corpora import write_audio


@pytest.fixture
def corpus(tmp_path):
    """Two parts: train with two speakers, as WAV, and dev with one, as FLAC."""
    librispeech_part(tmp_path / "corpus" / "train", {"12": 3, "7": 2}, ".wav")
    librispeech_part(tmp_path / "corpus" / "dev", {"84": 2})
    return tmp_path / "corpus"


@pytest.fixture
def opened(monkeypatch):
    """The recordings whose headers are read."""
    paths = []

    def scan(chunk):
        paths.extend(chunk)
        return scan_headers(chunk)

    monkeypatch.setattr(durations, "scan_headers", scan)
    return paths


def test_parts_become_manifests(corpus, tmp_path, capsys):
    out = tmp_path / "out"
    assert run("librispeech_layout", corpus, "--output", out) == 0
    header, *_ = (out / "train.csv").read_text().splitlines()
    assert header == "wav_filename,wav_filesize,transcript,duration,speaker"
    rows = rows_of(out / "train.csv")
    names = [f"train/12/100/12-100-000{i}.wav" for i in range(3)]
    names += [f"train/7/101/7-101-000{i}.wav" for i in range(2)]
    assert [row["wav_filename"] for row in rows] == [str(corpus / name) for name in names]
    assert [row["speaker"] for row in rows] == ["12", "12", "12", "7", "7"]
    assert [row["transcript"] for row in rows[:2]] == ["aaa it's", "bbb it's"]
    for row in rows:
        info = soundfile.info(row["wav_filename"])
        assert float(row["duration"]) == pytest.approx(info.frames / info.samplerate, abs=1e-6)
        assert int(row["wav_filesize"]) == (corpus / row["wav_filename"]).stat().st_size
    assert sorted(path.name for path in out.iterdir()) == ["dev.csv", "train.csv"]
    said = capsys.readouterr().out
    assert f"{out}/train.csv: 5 utterances, 0.00 h, 2 speakers" in said
    utterances = read_manifests([str(out / "dev.csv")], need_transcript=True)
    assert [one.speaker for one in utterances] == ["84", "84"]


def test_one_part_alone_is_named_as_its_folder(corpus, tmp_path):
    assert run("librispeech_layout", corpus / "dev", "--output", tmp_path) == 0
    assert len(rows_of(tmp_path / "dev.csv")) == 2


def test_parts_are_chosen(corpus, tmp_path, capsys):
    assert run("librispeech_layout", corpus, "--splits", "dev", "--output", tmp_path) == 0
    assert (tmp_path / "dev.csv").exists() and not (tmp_path / "train.csv").exists()
    assert run("librispeech_layout", corpus, "--splits", "deb") == 2
    assert "no deb in" in (said := capsys.readouterr().err) and "Is it dev?" in said


def test_paths_relative_to_the_manifests(corpus):
    assert run("librispeech_layout", corpus, "--relative_paths") == 0
    assert rows_of(corpus / "dev.csv")[0]["wav_filename"] == "dev/84/100/84-100-0000.flac"
    moved = corpus.rename(corpus.with_name("moved"))
    (utterance, _) = read_manifests([str(moved / "dev.csv")], need_transcript=True)
    assert soundfile.info(utterance.path).duration == pytest.approx(0.5)


def test_the_most_faithful_of_several_formats(corpus, tmp_path):
    write_audio(corpus / "dev/84/100/84-100-0000.mp3", 0.5)
    assert run("librispeech_layout", corpus, "--output", tmp_path) == 0
    assert rows_of(tmp_path / "dev.csv")[0]["wav_filename"].endswith("0000.flac")


def test_several_chapters_in_one_folder(tmp_path):
    """Names that begin alike, and a tab behind the name."""
    for chapter in ("12", "121"):
        write_audio(tmp_path / "part" / f"84-{chapter}-0000.flac", 0.5)
        write_text(tmp_path / "part" / f"84-{chapter}.trans.txt", f"84-{chapter}-0000\tA B\n")
    assert run("librispeech_layout", tmp_path) == 0
    rows = rows_of(tmp_path / "part.csv")
    assert [row["transcript"] for row in rows] == ["a b", "a b"]


@pytest.mark.parametrize(
    ("name", "text"),
    [("openseq2seq", "cafe naive"), ("none", "Café NAÏVE"), ("plain", "café naïve")],
)
def test_text_normalization(corpus, tmp_path, name, text):
    write_text(corpus / "dev/84/100/84-100.trans.txt", "84-100-0000  Café NAÏVE \n84-100-0001 b\n")
    flags = ("--output", tmp_path, "--text_normalization", name)
    assert run("librispeech_layout", corpus, *flags) == 0
    assert rows_of(tmp_path / "dev.csv")[0]["transcript"] == text


def test_every_normalisation_has_its_name():
    assert texts.names() == ("none", "openseq2seq", *NORMALIZERS)


def break_the_corpus(corpus):
    """Every kind of mistake; returns what the messages must say."""
    (corpus / "train/12/100/12-100-0001.wav").write_bytes(b"RIFF")
    (corpus / "train/12/100/12-100-0002.wav").unlink()
    trans = corpus / "train/7/101/7-101.trans.txt"
    write_text(trans, "7-101-0000 ONE\n7-101-0000 AGAIN\n7-101-0005\n")
    write_text(corpus / "dev/84/100/84-100.trans.txt", "84-100-0000 \u4f60\n84-100-0001 B\n")
    return [
        f"{corpus}/train/12/100/12-100.trans.txt:2: found {corpus}/train/12/100/12-100-0001.wav",
        f"{corpus}/train/12/100/12-100.trans.txt:3: found no recording 12-100-0002",
        f"{trans}:2: found 7-101-0000 again, after {trans}:1",
        f"{trans}:3: found '7-101-0005' without a transcript",
        f"{corpus}/train/7/101/7-101-0001.wav: found a recording without a transcript",
        f"{corpus}/dev/84/100/84-100.trans.txt:1: found a transcript of which normalisation",
    ]


def test_everything_wrong_is_said_at_once(corpus, tmp_path, capsys):
    messages = break_the_corpus(corpus)
    assert run("librispeech_layout", corpus, "--output", tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert "6 problems" in said and "--skip_bad_rows" in said
    for message in messages:
        assert said.count(message) == 1
    assert not list((tmp_path / "out").glob("*.csv"))


def test_bad_rows_are_left_out_and_listed(corpus, tmp_path, capsys):
    messages = break_the_corpus(corpus)
    out = tmp_path / "out"
    assert run("librispeech_layout", corpus, "--output", out, "--skip_bad_rows") == 0
    names = [row["wav_filename"][-15:] for row in rows_of(out / "train.csv")]
    assert names == ["12-100-0000.wav", "/7-101-0000.wav"]
    assert len(rows_of(out / "dev.csv")) == 1
    report = (out / "left_out_train.txt").read_text()
    assert report.startswith("5 with problems:")
    assert all(message in report for message in messages[:5])
    assert messages[5] in (out / "left_out_dev.txt").read_text()
    assert f"listed in {out}/left_out_train.txt" in capsys.readouterr().out
    # Mended: the report goes.
    write_text(corpus / "dev/84/100/84-100.trans.txt", "84-100-0000 A\n84-100-0001 B\n")
    assert run("librispeech_layout", corpus / "dev", "--output", out) == 0
    assert not (out / "left_out_dev.txt").exists()


def test_nothing_left(corpus, tmp_path, capsys):
    for path in (corpus / "dev/84/100").glob("*.flac"):
        path.write_bytes(b"")
    assert run("librispeech_layout", corpus / "dev", "--output", tmp_path, "--skip_bad_rows") == 2
    assert "no usable utterances" in capsys.readouterr().err


def test_other_folders(tmp_path, capsys):
    assert run("librispeech_layout", tmp_path / "none") == 2
    assert "no such folder" in capsys.readouterr().err
    assert run("librispeech_layout", tmp_path) == 2
    assert "SPLIT/SPEAKER/CHAPTER" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_to(corpus, tmp_path, capsys):
    write_text(tmp_path / "file", "")
    assert run("librispeech_layout", corpus, "--output", tmp_path / "file") == 2
    assert "Choose it: --output." in capsys.readouterr().err


def test_characters_without_ascii_form_are_told(corpus, tmp_path, capsys):
    text = "84-100-0000 Stra\u00dfe \u00e9t\u00e9\n84-100-0001 \u00df\u2014B\n"
    write_text(corpus / "dev/84/100/84-100.trans.txt", text)
    assert run("librispeech_layout", corpus / "dev", "--output", tmp_path) == 0
    assert "dropped from transcripts: \u00df (2), \u2014 (1)" in capsys.readouterr().out
    assert [row["transcript"] for row in rows_of(tmp_path / "dev.csv")] == ["strae ete", "b"]


def test_text_that_is_not_utf_8(corpus, tmp_path, capsys):
    (corpus / "dev/84/100/84-100.trans.txt").write_bytes(b"84-100-0000 A\n84-100-0001 \xff\n")
    assert run("librispeech_layout", corpus / "dev", "--output", tmp_path) == 2
    assert "84-100.trans.txt:2: found byte 0xFF" in capsys.readouterr().err


def test_a_second_run_opens_no_recording(corpus, tmp_path, opened):
    assert run("librispeech_layout", corpus, "--output", tmp_path) == 0
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*.csv")}
    assert len(opened) == 7
    opened.clear()
    assert run("librispeech_layout", corpus, "--output", tmp_path) == 0
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.csv")} == before
    assert opened == []
    # Another file of the name is read.
    write_audio(corpus / "dev/84/100/84-100-0001.flac", 0.9)
    assert run("librispeech_layout", corpus, "--output", tmp_path) == 0
    assert [path[-12:] for path in opened] == ["00-0001.flac"]
    assert rows_of(tmp_path / "dev.csv")[1]["duration"] == "0.9"


def test_an_interrupted_run_goes_on(corpus, tmp_path, opened, monkeypatch):
    monkeypatch.setattr("open_seq2seq.corpora.importers.parallel.CHUNK", 2)
    scan, seen = durations.scan_headers, []

    def interrupted(chunk):
        if len(seen) == 2:
            raise KeyboardInterrupt
        seen.append(chunk)
        return scan(chunk)

    monkeypatch.setattr("open_seq2seq.corpora.importers.parallel.available_cores", lambda: 1)
    monkeypatch.setattr("open_seq2seq.corpora.importers.parallel._THREADS_PER_CORE", 1)
    monkeypatch.setattr(durations, "scan_headers", interrupted)
    assert run("librispeech_layout", corpus / "train", "--output", tmp_path) == 130
    assert not (tmp_path / "train.csv").exists()
    monkeypatch.setattr(durations, "scan_headers", scan)
    journal = tmp_path / ".train.csv.journal"
    with journal.open("a") as file:
        file.write('["/half/a/li')
    opened.clear()
    assert run("librispeech_layout", corpus / "train", "--output", tmp_path) == 0
    assert len(opened) == 5 - 4
    assert len(rows_of(tmp_path / "train.csv")) == 5
    assert not journal.exists()


def test_a_manifest_of_openseq2seq_is_replaced(corpus, tmp_path):
    """It has other columns, and may hold anything in them."""
    rows = [{"wav_filename": "a.wav", "wav_filesize": 1, "transcript": "a"}]
    write_csv(tmp_path / "dev.csv", rows)
    assert run("librispeech_layout", corpus / "dev", "--output", tmp_path) == 0
    assert len(rows_of(tmp_path / "dev.csv")) == 2
    with (tmp_path / "dev.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["wav_filename", "wav_filesize", "transcript", "duration"])
        writer.writerows([["a.wav", "1", "a", "long"], ["b.wav"], ["c.wav", "x", "", "", ""]])
    assert run("librispeech_layout", corpus / "dev", "--output", tmp_path) == 0
    assert len(rows_of(tmp_path / "dev.csv")) == 2
