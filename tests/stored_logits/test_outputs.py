"""The files that decoding writes."""

import json

import numpy as np
import pandas as pd
import pytest

from open_seq2seq.decode_result import DecodeResult, Word
from open_seq2seq.errors import InputError, RunError
from open_seq2seq.stored_logits import outputs
from open_seq2seq.stored_logits.hot_words import read_hot_words
from open_seq2seq.stored_logits.utterances import StoredUtterance

WORDS = (Word("the", 0.1, 0.2, 0.5), Word("Cat", 0.25, 0.75, 1.0))


def result(text, score=-1.0, words=WORDS, nbest=()):
    return DecodeResult(text, score, words, nbest, acoustic_score=-0.75, lm_score=score + 0.75)


UTTERANCES = [
    StoredUtterance("a/one, two.wav", np.zeros((0, 3)), 'the "cat"'),
    StoredUtterance("a/2.wav", np.zeros((0, 3)), None),
]
RESULTS = [
    result("the Cat", nbest=(result("the Cat"), result("the bat", -2.0), result("a", -3.0))),
    result("", words=()),
]


def test_transcripts_are_a_manifest(tmp_path):
    outputs.write_transcripts(tmp_path / "x.csv", UTTERANCES, RESULTS)
    table = pd.read_csv(tmp_path / "x.csv", keep_default_na=False)
    assert table.to_dict("list") == {
        "wav_filename": ["a/one, two.wav", "a/2.wav"],
        "transcript": ["the Cat", ""],
    }


def test_utterances(tmp_path):
    outputs.write_utterances(tmp_path / "x.csv", UTTERANCES, RESULTS)
    table = pd.read_csv(tmp_path / "x.csv", keep_default_na=False, dtype=str)
    assert list(table) == ["wav_filename", "reference", "hypothesis", "wer", "cer", "score"]
    first, second = table.to_dict("records")
    assert (first["reference"], first["hypothesis"]) == ('the "cat"', "the cat")
    assert (float(first["wer"]), float(first["cer"])) == (0.5, pytest.approx(2 / 9, abs=1e-6))
    assert second["wer"] == second["cer"] == second["reference"] == ""


def test_json_lines(tmp_path):
    outputs.write_json_lines(tmp_path / "x.jsonl", UTTERANCES, RESULTS, 2)
    first, second = map(json.loads, (tmp_path / "x.jsonl").read_text().splitlines())
    assert first == {
        "wav_filename": "a/one, two.wav",
        "reference": 'the "cat"',
        "text": "the Cat",
        "score": -1.0,
        "acoustic_score": -0.75,
        "lm_score": -0.25,
        "words": [
            {"text": "the", "start": 0.1, "end": 0.2, "confidence": 0.5},
            {"text": "Cat", "start": 0.25, "end": 0.75, "confidence": 1.0},
        ],
        "nbest": [
            {"text": "the Cat", "score": -1.0, "acoustic_score": -0.75, "lm_score": -0.25},
            {"text": "the bat", "score": -2.0, "acoustic_score": -0.75, "lm_score": -1.25},
        ],
    }
    assert second["reference"] is None and second["words"] == []
    assert [one["text"] for one in second["nbest"]] == [""]


def test_ctm(tmp_path):
    outputs.write_ctm(tmp_path / "x.ctm", UTTERANCES, RESULTS)
    text = (tmp_path / "x.ctm").read_text()
    assert text == ("one,_two 1 0.100 0.100 the 0.5000\none,_two 1 0.250 0.500 Cat 1.0000\n")
    assert outputs.recording_names(["a/1.wav", "b/1.wav"]) == ["a/1", "b/1"]
    assert outputs.recording_names(["a/1.wav", "b/2.wav"]) == ["1", "2"]


def test_beams_are_in_the_old_format(tmp_path):
    outputs.write_beams(tmp_path / "x.txt", RESULTS)
    assert (tmp_path / "x.txt").read_text() == (
        "B=>>>>>>>>\n-1.0 0.0 0.0 the Cat\n-2.0 0.0 0.0 the bat\n-3.0 0.0 0.0 a\nE=>>>>>>>>\n"
        "B=>>>>>>>>\n-1.0 0.0 0.0 \nE=>>>>>>>>\n"
    )


def test_a_file_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="could not be written"):
        outputs.write_beams(tmp_path / "file" / "x.txt", RESULTS)


def test_hot_words(tmp_path):
    path = tmp_path / "hot.txt"
    path.write_text("\ufeffopen  seq\t5\n\nÉcole -1.5\n", encoding="utf-8")
    assert read_hot_words(str(path)) == {"open seq": 5.0, "École": -1.5}
    path.write_text("fine 1\nno weight\n5\nfine 2\nx inf\n")
    with pytest.raises(InputError) as error:
        read_hot_words(str(path))
    lines = [problem.where.rsplit(":")[-1] for problem in error.value.problems]
    assert lines == ["2", "3", "4", "5"]
    with pytest.raises(InputError, match=r"gone\.txt"):
        read_hot_words(str(tmp_path / "gone.txt"))
