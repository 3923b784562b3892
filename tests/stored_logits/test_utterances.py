"""Logits and manifest rows find each other by name."""

from pathlib import Path

import numpy as np
import pytest

from open_seq2seq.commands.inference import write_logits
from open_seq2seq.data.manifest import read_manifests
from open_seq2seq.errors import InputError
from open_seq2seq.stored_logits.logits_file import LogitsFile, read_logits
from open_seq2seq.stored_logits.utterances import match_utterances

HEADER = "wav_filename,wav_filesize,transcript\n"


def file(names, count=None):
    logits = [np.full((3, 4), i, np.float32) for i in range(count or len(names))]
    return LogitsFile(Path("x.pkl"), names, logits)


def write(tmp_path, text):
    (tmp_path / "x.csv").write_text(text)
    return str(tmp_path / "x.csv")


def test_the_manifest_gives_order_and_references(tmp_path):
    labels = write(tmp_path, HEADER + 'b.wav,0,"One, TWO ""three"""\na.wav,0,Été\nb.wav,0,again\n')
    found = match_utterances(file(["a.wav", "b.wav"]), labels, True)
    assert [(u.name, u.logits[0, 0]) for u in found] == [("b.wav", 1), ("a.wav", 0), ("b.wav", 1)]
    assert [u.reference for u in found] == ['one, two "three"', "été", "again"]


def test_paths_that_mean_the_same_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.wav").touch()
    labels = write(tmp_path, HEADER + "./a.wav,0,x\n")
    assert len(match_utterances(file([str(tmp_path / "a.wav")]), labels, True)) == 1


def test_segments_of_one_file_are_told_apart(tmp_path):
    header = "wav_filename,transcript,duration,offset\n"
    labels = write(tmp_path, header + "a.wav,x,1.5,0\na.wav,y,2,1.5\na.wav,z,,\n")
    rows = read_manifests([labels], True)
    logits = [np.full((2, 3), i, np.float32) for i in range(3)]
    write_logits(tmp_path / "x.pkl", rows, logits, 0.02, ["a", "b"])
    stored = read_logits(str(tmp_path / "x.pkl"))
    found = match_utterances(stored, labels, True)
    assert [(u.reference, u.logits[0, 0]) for u in found] == [("x", 0), ("y", 1), ("z", 2)]
    assert [u.name for u in found] == ["a.wav@0.0+1.5", "a.wav@1.5+2.0", "a.wav"]


def test_everything_without_a_partner_is_named(tmp_path):
    labels = write(tmp_path, HEADER + "a.wav,0,x\nc.wav,0,y\nd.wav,0,z\n")
    with pytest.raises(InputError) as error:
        match_utterances(file(["a.wav", "b.wav", "e.wav"]), labels, True)
    text = str(error.value)
    assert len(error.value.problems) == 4
    assert "x.csv:3: found 'c.wav'" in text and "x.csv:4: found 'd.wav'" in text
    assert "x.pkl: b.wav" in text and "x.pkl: e.wav" in text


def test_without_names_the_order_counts(tmp_path):
    labels = write(tmp_path, HEADER + "a.wav,0,x\nb.wav,0,y\n")
    found = match_utterances(file(None, 2), labels, True)
    assert [(u.name, u.logits[0, 0]) for u in found] == [("a.wav", 0), ("b.wav", 1)]
    with pytest.raises(InputError, match="logits of 3 utterances, expected 2"):
        match_utterances(file(None, 3), labels, True)


def test_without_a_manifest(tmp_path):
    assert [u.name for u in match_utterances(file(["a", "b"]), None, False)] == ["a", "b"]
    with pytest.raises(InputError, match="no references"):
        match_utterances(file(["a"]), None, True)
    with pytest.raises(InputError, match="no names"):
        match_utterances(file(None, 2), None, False)


def test_a_manifest_without_transcripts_will_do_for_inference(tmp_path):
    labels = write(tmp_path, "wav_filename\na.wav\n")
    assert match_utterances(file(["a.wav"]), labels, False)[0].reference is None
    with pytest.raises(InputError, match="transcript"):
        match_utterances(file(["a.wav"]), labels, True)
