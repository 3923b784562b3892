"""Manifests of other toolkits: NeMo's JSON lines, neon's pairs of paths."""

import json
import tarfile

import pytest

from open_seq2seq.data.manifest import read_manifests
from tests.corpora.importers.layouts import librispeech_part, rows_of, run, write_text
from tests.data.corpora import write_audio


def json_lines(path, rows):
    return write_text(path, "".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def nemo(tmp_path):
    audio = write_audio(tmp_path / "audio" / "a.wav", 2.0)
    write_audio(tmp_path / "audio" / "b.flac", 1.0)
    rows = [
        {"audio_filepath": str(audio), "duration": 0.75, "text": "one", "offset": 0.5},
        {"audio_filepath": "audio/b.flac", "duration": 1.0, "text": "zwölf", "speaker": "eve"},
    ]
    return json_lines(tmp_path / "train.json", rows)


def test_nemo_and_back(nemo, tmp_path):
    a, b = tmp_path / "audio" / "a.wav", tmp_path / "audio" / "b.flac"
    assert run("nemo", nemo) == 0
    assert (tmp_path / "train.csv").read_text().splitlines() == [
        "wav_filename,wav_filesize,transcript,duration,offset,speaker",
        f"{a},{a.stat().st_size},one,0.75,0.5,",
        f"{b},{b.stat().st_size},zwölf,1.0,,eve",
    ]
    assert run("nemo", tmp_path / "train.csv", "--output", tmp_path / "back") == 0
    lines = (tmp_path / "back" / "train.jsonl").read_text().splitlines()
    assert list(map(json.loads, lines)) == [
        {"audio_filepath": str(a), "duration": 0.75, "text": "one", "offset": 0.5},
        {"audio_filepath": str(b), "duration": 1.0, "text": "zwölf", "speaker": "eve"},
    ]
    for again in (read_manifests([str(tmp_path / "back" / "train.jsonl")], True),):
        assert [one.offset for one in again] == [0.5, None]


def test_nemo_mistakes(nemo, tmp_path, capsys):
    rows = [
        {"audio_filepath": "audio/b.flac", "duration": 0.3, "text": "a"},
        {"audio_filepath": "audio/b.flac", "duration": 1.0, "text": ""},
        {"audio_filepath": "audio/b.flac", "duration": 1.0, "text": "fine"},
    ]
    dev = json_lines(tmp_path / "dev.json", rows)
    assert run("nemo", nemo, dev) == 2
    said = capsys.readouterr().err
    assert f"{dev}:1: found duration 0.3 s of" in said and "1.000 s, as the file says" in said
    assert f"{dev}:2: found an empty transcript" in said
    assert run("nemo", dev, "--skip_bad_rows") == 0
    assert [row["transcript"] for row in rows_of(tmp_path / "dev.csv")] == ["fine"]
    other = json_lines(tmp_path / "other" / "dev.jsonl", rows)
    assert run("nemo", dev, other, "--output", tmp_path / "out") == 2
    assert f"{other}: found the name of {dev} again" in capsys.readouterr().err


def test_nemo_lines_that_are_no_json(nemo, tmp_path, capsys):
    nemo.write_text(nemo.read_text() + '{"audio_filepath": 3, "text": "a"}\n{"broken\n')
    assert run("nemo", nemo) == 2
    said = capsys.readouterr().err
    assert f"{nemo}:3: found audio_filepath 3" in said and f"{nemo}:4:" in said
    assert run("nemo", nemo, "--skip_bad_rows") == 0
    assert [row["transcript"] for row in rows_of(tmp_path / "train.csv")] == ["one", "zwölf"]


def test_neon_ingest(tmp_path, capsys):
    corpus = librispeech_part(tmp_path / "LibriSpeech" / "dev-clean", {"84": 2, "61": 1})
    texts, manifest = tmp_path / "texts", tmp_path / "dev-manifest.csv"
    assert run("neon", corpus, texts, manifest) == 0
    assert "dev-manifest.csv: 3 utterances, 0.00 h, 2 speakers" in capsys.readouterr().out
    names = ["61/101/61-101-0000", "84/100/84-100-0000", "84/100/84-100-0001"]
    assert manifest.read_text().splitlines() == [
        f"{corpus}/{name}.flac,{texts}/{name.rpartition('/')[2]}.txt" for name in names
    ]
    assert (texts / "84-100-0001.txt").read_text() == "bbb it's"
    utterances = read_manifests([str(manifest)], need_transcript=True)
    assert [one.transcript for one in utterances] == ["aaa it's", "aaa it's", "bbb it's"]


def test_neon_again_in_capitals_and_relative(tmp_path):
    corpus = librispeech_part(tmp_path / "dev", {"84": 2})
    texts, manifest = tmp_path / "texts", tmp_path / "m" / "dev.csv"
    assert run("neon", corpus, texts, manifest) == 0
    (texts / "84-100-0001.txt").unlink()
    kept = (texts / "84-100-0000.txt").stat().st_mtime_ns
    assert run("neon", corpus, texts, manifest) == 0
    assert (texts / "84-100-0000.txt").stat().st_mtime_ns == kept
    assert (texts / "84-100-0001.txt").read_text() == "bbb it's"
    flags = ("--text_normalization", "none", "--relative_paths")
    assert run("neon", corpus, texts, manifest, *flags) == 0
    assert (texts / "84-100-0000.txt").read_text() == "AAA IT'S"
    first, _ = manifest.read_text().splitlines()
    assert first == "../dev/84/100/84-100-0000.flac,../texts/84-100-0000.txt"


def test_neon_manifests_joined_by_cat(tmp_path):
    parts = []
    for name, speaker in (("a", "84"), ("b", "61")):
        corpus = librispeech_part(tmp_path / name, {speaker: 2})
        assert run("neon", corpus, tmp_path / "texts", tmp_path / f"{name}.csv") == 0
        parts.append((tmp_path / f"{name}.csv").read_text())
    joined = write_text(tmp_path / "both.csv", "".join(parts))
    assert len(read_manifests([str(joined)], need_transcript=True)) == 4


def test_neon_mistakes(tmp_path, capsys):
    for name in ("a", "b"):
        librispeech_part(tmp_path / "corpus" / name, {"84": 1})
    assert run("neon", tmp_path / "corpus", tmp_path / "texts", tmp_path / "m.csv") == 2
    assert "84-100-0000 again, after" in capsys.readouterr().err
    assert not (tmp_path / "m.csv").exists() and not (tmp_path / "texts").exists()


def test_a_model_is_known_by_its_content(tmp_path, capsys):
    path = tmp_path / "model"
    with tarfile.open(path, "w") as archive:
        archive.addfile(tarfile.TarInfo("model_config.yaml"))
    with pytest.raises(SystemExit):
        run("nemo", path)
    assert "the following arguments are required: --logdir" in capsys.readouterr().err
