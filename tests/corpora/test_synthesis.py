"""Synthetic speech: with a stand-in for eSpeak NG, and once with the program itself."""

import csv
import gzip
import json
import os
import runpy
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from open_seq2seq.data.speech2text.speech2text import Speech2TextDataLayer

ROOT = Path(__file__).parents[2]
# Speaks a tone; notes what it was asked for; cannot speak "unspeakable", and dots are silence.
FAKE = """#!/bin/sh
here=$(dirname "$0")
while [ $# -gt 0 ]; do
  case "$1" in
    --version) echo "eSpeak NG text-to-speech: 1.99  Data at: nowhere"; exit 0;;
    --voices=variant)
      printf 'Pty Language Age/Gender VoiceName File\\n 5 variant --/F x !v/f2\\n'; exit 0;;
    -v) voice=$2; shift;;  -s) speed=$2; shift;;  -p) pitch=$2; shift;;  -w) target=$2; shift;;
  esac
  shift
done
text=$(cat)
[ "$voice" = klingon ] && { echo "Error: no such voice" >&2; exit 1; }
[ "$text" = a ] || echo "$voice|$speed|$pitch|$text" >> "$here/asked"
case "$text" in
  unspeakable) exit 1;;
  ..) cp "$here/silence.wav" "$target";;
  *) cp "$here/tone.wav" "$target";;
esac
"""


@pytest.fixture
def program(tmp_path, monkeypatch):
    """A folder on the PATH with the stand-in; `asked` in it has what was asked of it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    time = np.arange(22050) / 22050
    soundfile.write(folder / "tone.wav", 0.5 * np.sin(2 * np.pi * 440 * time), 22050)
    soundfile.write(folder / "silence.wav", np.zeros(100), 22050)
    (folder / "espeak-ng").write_text(FAKE)
    (folder / "espeak-ng").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def create(capfd):
    """Calls the script; returns what it printed."""
    main = runpy.run_path(str(ROOT / "scripts/create_synthetic_data.py"))["main"]

    def call(*arguments, code=0):
        found = main([*map(str, arguments), "--output=out"])
        out, err = capfd.readouterr()
        assert found == code, err
        return out if code == 0 else err

    return call


def rows(name):
    with open(Path("out") / name, newline="") as file:
        return list(csv.DictReader(file))


def asked(program):
    return sorted((program / "asked").read_text().splitlines())


def test_every_voice_speaks_every_sentence(program, create):
    Path("text.txt").write_text("Hello, you.\n--strange\n\nHello, you.\nunspeakable\n..\n")
    out = create("text.txt", "--voices", "en", "de+f2", "--text_normalization=plain")
    texts = [row["transcript"] for row in rows("synthetic.csv")]
    assert texts == ["hello you", "strange", "hello you"]
    assert "3 sentences, 2 voices" in out and "2 sentences could not be spoken" in out
    left_out = {row["text"]: row["reason"] for row in rows("synthetic-not_spoken.csv")}
    assert left_out.keys() == {"unspeakable", ".."}
    assert "no word" in left_out[".."] and "exit code 1" in left_out["unspeakable"]
    heard = [line.split("|") for line in asked(program)]
    spoken = [(voice, text) for voice, _, _, text in heard if text != "unspeakable"]
    assert sorted(spoken) == [(voice, text) for voice in ("de+f2", "en")
                              for text in ("--strange", "Hello, you.")]  # fmt: skip
    assert all(140 <= int(s) <= 200 and 35 <= int(p) <= 65 for _, s, p, _ in heard)
    assert len({(s, p) for _, s, p, _ in heard}) > 1

    single = rows("synthetic-de+f2.csv")
    assert [float(row["duration"]) for row in single] == pytest.approx([1.0] * 3, abs=1e-3)
    samples, rate = soundfile.read(Path("out") / single[0]["wav_filename"])
    assert rate == 16000 and np.abs(np.fft.rfft(samples)).argmax() == pytest.approx(440, abs=1)


def test_the_data_layer_draws_a_voice_for_each_utterance(program, create):
    Path("text.txt").write_text("ab\nba\nabba\n")
    create("text.txt", "--voices", "en", "de", "--sample_freq=8000", "--format=wav")
    Path("vocab.txt").write_text("a\nb\n")
    params = {"dataset_files": ["out/synthetic.csv"], "vocab_file": "vocab.txt",
              "syn_enable": True, "syn_subdirs": ["en", "de"], "backend": "librosa",
              "input_type": "logfbank", "num_audio_features": 20, "sample_freq": 8000}  # fmt: skip
    data = Speech2TextDataLayer(params, mode="train", batch_size=2)
    assert data.check().problems == [] and data.hours == pytest.approx(3 / 3600, rel=1e-2)
    used = {path for row in range(3) for path in data._corpus.paths(row)}
    assert {Path(path).parent.name for path in used} == {"en", "de"}
    assert sum(len(batch.indices) for batch in data.batches()) == 3


def test_what_is_there_is_kept_and_the_same_comes_out_elsewhere(program, create, tmp_path):
    with gzip.open("text.csv.gz", "wt") as file:
        file.write("wav_filename,transcript\n" + "".join(f"x,sentence {i}\n" for i in range(6)))
    create("text.csv.gz", "--voices", "en", "--seed=4", "--jobs=3")
    first = asked(program)
    assert len(first) == 6
    removed = next(Path("out/en").iterdir())
    removed.unlink()
    out = create("text.csv.gz", "--voices", "en", "de", "--seed=4")
    assert "5 recordings were there already" in out
    # One again, and six by the new voice.
    assert len(asked(program)) == 6 + 1 + 6 and set(asked(program)) > set(first)
    before = rows("synthetic-en.csv")

    # In another order and folder each recording has the speed and pitch it had.
    (program / "asked").unlink()
    shutil.move("out", "old")
    Path("lines.txt").write_text("".join(f"sentence {i}\n" for i in (3, 5, 0, 1, 4, 2)))
    create("lines.txt", "--voices", "en", "--seed=4", "--jobs=1")
    assert asked(program) == first
    assert {r["wav_filename"] for r in rows("synthetic-en.csv")} == {
        r["wav_filename"] for r in before
    }

    err = create("lines.txt", "--voices", "en", "--seed=5", code=2)
    assert "synthesis.json: seed: found 4, expected 5" in err


def test_a_sample_is_drawn_by_the_seed(program, create):
    lines = [json.dumps({"audio_filepath": "x", "text": f"line {i}"}) for i in range(30)]
    Path("text.jsonl").write_text("\n".join(lines) + "\n")
    create("text.jsonl", "--voices", "en", "--sample=4", "--seed=1", "--name=some")
    texts = [row["transcript"] for row in rows("some.csv")]
    numbers = [int(text.split()[1]) for text in texts]
    assert len(set(numbers)) == 4 and numbers == sorted(numbers) != [0, 1, 2, 3]
    create("text.jsonl", "--voices", "en", "--sample=4", "--seed=1", "--name=again")
    assert [row["transcript"] for row in rows("again.csv")] == texts
    assert "30 sentences, expected at least 31" in create(
        "text.jsonl", "--voices", "en", "--sample=31", code=2
    )


def test_text_comes_from_manifests_of_any_kind(program, create):
    # Two manifests one after the other, paths of transcripts, and transcripts alone.
    header = "wav_filename,wav_filesize,transcript\n"
    Path("both.csv").write_text(f"{header}a.wav,0,one\n{header}b.wav,0,two\n")
    Path("c.txt").write_text("three\n")
    Path("paths.csv").write_text("c.wav,c.txt\n")
    Path("texts.csv").write_text("transcript\nfour\n")
    create("both.csv", "paths.csv", "texts.csv", "--voices", "en")
    texts = [row["transcript"] for row in rows("synthetic.csv")]
    assert texts == ["one", "two", "three", "four"]
    assert "missing.csv: found No such file" in create("missing.csv", code=2)


def test_bad_input_is_said(program, create, monkeypatch):
    Path("text.txt").write_text("hello\n")
    err = create("text.txt", "--voices", "klingon", "en+zz", "en+f2", code=2)
    assert "klingon: found Error: no such voice" in err
    assert "unknown variant 'zz'" in err and "f2:" not in err
    err = create("text.txt", "--speeds", "200", "100", "--pitches", "0", "100", code=2)
    assert "--speeds: found 200 100" in err and "--pitches: found 0 100" in err
    assert "--sample: found 0" in create("text.txt", "--sample=0", code=2)
    Path("text.txt").write_text("unspeakable\n")
    assert "None of the sentences" in create("text.txt", "--voices", "en", code=1)
    monkeypatch.setenv("PATH", "/nowhere")
    err = create("text.txt", code=2)
    assert "espeak-ng" in err and "apt-get install espeak-ng" in err


@pytest.mark.skipif(
    shutil.which("espeak-ng") is None,
    reason="espeak-ng is not installed (apt-get install espeak-ng): only its stand-in is tested",
)
def test_the_program_itself(tmp_path, monkeypatch, create):
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text("the cat sat on the mat\n...\na dog ran away\n")
    create("text.txt", "--voices", "en-us", "en-gb+f2")
    assert [row["text"] for row in rows("synthetic-not_spoken.csv")] == ["..."]
    assert rows("synthetic-not_spoken.csv")[0]["reason"] == "silence"
    one, other = rows("synthetic-en-us.csv"), rows("synthetic-en-gb+f2.csv")
    for row in (*one, *other):
        samples, rate = soundfile.read(Path("out") / row["wav_filename"])
        assert rate == 16000 and len(samples) / rate == pytest.approx(float(row["duration"]), 1e-3)
        assert 0.5 < float(row["duration"]) < 4 and np.abs(samples).max() > 0.05
    assert one[0]["duration"] != other[0]["duration"]

    err = create("text.txt", "--voices", "xx", "en-us+nobody", code=2)
    assert "xx: found" in err and "'nobody'" in err
