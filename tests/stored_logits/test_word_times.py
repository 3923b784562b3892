"""Word times against a frame-by-frame reference, and calibration with made-up shifts."""

import json

import numpy as np
import pytest

from open_seq2seq.errors import InputError
from open_seq2seq.stored_logits.calibration import calibrate, read_alignments
from open_seq2seq.stored_logits.utterances import StoredUtterance
from open_seq2seq.stored_logits.word_times import (
    Shifts,
    choose_shifts,
    read_shifts,
    word_times,
    write_shifts,
)
from open_seq2seq.vocabulary import SymbolTable

CHARACTERS = SymbolTable(" ab'")
PIECES = SymbolTable(["▁the", "▁", "c", "at", "▁é"])


def reference(logits, symbols, step, start_shift, end_shift):
    """[(word, start, end)] by a loop over frames; a piece with ▁ starts a word, as a space does."""
    blank = last = len(symbols)
    found, text, first, end, limit = [], "", None, None, 0.0

    def finish():
        nonlocal text, limit
        if text:
            start = max(step * first + start_shift, limit)
            limit = max(step * end + end_shift, start)
            found.append((text, start, limit))
        text = ""

    for frame, row in enumerate(logits):
        best = max(range(blank + 1), key=lambda c: row[c])
        if best not in (blank, last):
            symbol = symbols[best]
            if symbol[0] in " ▁":
                finish()
                symbol = symbol[1:]
            if symbol:
                if not text:
                    first = frame
                text, end = text + symbol, frame
        last = best
    finish()
    return found


@pytest.mark.parametrize("vocabulary", [CHARACTERS, PIECES], ids=["characters", "pieces"])
@pytest.mark.parametrize("shifts", [(0, 0), (0.05, 0.07), (-0.1, 0.2), (0.3, -0.3)])
def test_against_a_loop_over_frames(vocabulary, shifts):
    rng = np.random.default_rng(1)
    sets = [rng.normal(size=(n, vocabulary.size + 1)) for n in (0, 1, 7, 40, 200)]
    utterances = [StoredUtterance(str(i), one, None) for i, one in enumerate(sets)]
    times = word_times(utterances, vocabulary, 0.04, Shifts(*shifts))
    count = 0
    for utterance, words in zip(utterances, times):
        expected = reference(utterance.logits, vocabulary.symbols, 0.04, *shifts)
        assert [word.text for word in words] == [text for text, _, _ in expected]
        for word, (_, start, end) in zip(words, expected):
            assert (word.start, word.end) == (pytest.approx(start), pytest.approx(end))
        count += len(words)
    assert count > 20


def gentle(words, case="success"):
    return {"words": [{"case": case, "alignedWord": w, "start": s, "end": e} for w, s, e in words]}


def test_calibration_finds_the_shift(tmp_path):
    """Alignments that are the greedy times, moved: the move comes out."""
    rng = np.random.default_rng(2)
    utterances = [
        StoredUtterance(f"x/{i}.wav", rng.normal(size=(60, 5)) * 3, None) for i in range(6)
    ]
    words = word_times(utterances, CHARACTERS, 0.02, Shifts())
    moved = {
        u.name: gentle([(w.text.upper(), w.start + 0.125, w.end - 0.0625) for w in of_one])
        for u, of_one in zip(utterances, words)
    }
    moved["x/0.wav"]["words"].append({"case": "not-found-in-audio", "word": "more"})
    moved["x/1.wav"]["words"][0] = {"case": "not-found-in-audio"}
    moved["x/2.wav"]["words"][0].update(alignedWord="other", start=99.0)
    del moved["x/3.wav"]
    (tmp_path / "target.json").write_text(json.dumps(moved))
    found = calibrate(utterances, words, read_alignments(str(tmp_path / "target.json")))
    assert (found.shifts.start, found.shifts.end) == (
        pytest.approx(0.125),
        pytest.approx(-0.0625),
    )
    assert found.start_deviation == pytest.approx(0, abs=1e-9)
    assert found.left_out == ["x/0.wav", "x/3.wav"] and found.utterances == 4
    assert found.words == sum(len(words[i]) for i in (1, 2, 4, 5)) - 2

    folder = tmp_path / "aligned"
    folder.mkdir()
    for name, content in moved.items():
        stem = name.split("/")[1].removesuffix(".wav")
        (folder / f"{stem}.json").write_text(json.dumps(content))
    assert calibrate(utterances, words, read_alignments(str(folder))) == found


def test_nothing_in_common(tmp_path):
    utterances = [StoredUtterance("a.wav", np.eye(5)[[1, 2]], None)]
    words = word_times(utterances, CHARACTERS, 0.02, Shifts())
    with pytest.raises(InputError, match="no word that is the same"):
        calibrate(utterances, words, {"b.wav": []})


def test_every_problem_of_an_alignment_is_named(tmp_path):
    path = tmp_path / "x.json"
    path.write_text(json.dumps({
        "a": {"transcript": "x"}, "b": [{"case": "success", "start": 1}, 5], "c": gentle([]),
    }))  # fmt: skip
    with pytest.raises(InputError) as error:
        read_alignments(str(path))
    assert len(error.value.problems) == 3
    path.write_text("{")
    with pytest.raises(InputError, match="JSON"):
        read_alignments(str(path))
    with pytest.raises(InputError, match="No such file"):
        read_alignments(str(tmp_path / "gone.json"))


def test_numbers_count_before_the_file_before_zero(tmp_path):
    path = str(tmp_path / "calibration.txt")
    write_shifts(path, Shifts(0.25, -0.5))
    assert read_shifts(path) == Shifts(0.25, -0.5)
    assert choose_shifts(None, None, path) == (Shifts(0.25, -0.5), [])
    assert choose_shifts(0.0, None, path) == (Shifts(0.0, -0.5), [])
    assert choose_shifts(1.0, 2.0, None) == (Shifts(1.0, 2.0), [])
    shifts, (note,) = choose_shifts(None, 2.0, None)
    assert shifts == Shifts(0.0, 2.0) and "start times are not calibrated" in note
    assert len(choose_shifts(None, None, None)[1]) == 1


@pytest.mark.parametrize("content", ["", "0.1", "0.1 x", "1 2 3", "nan 0"])
def test_unfit_calibration_files(tmp_path, content):
    (tmp_path / "c.txt").write_text(content)
    with pytest.raises(InputError, match="two numbers"):
        read_shifts(str(tmp_path / "c.txt"))


def test_a_calibration_file_that_is_no_text(tmp_path):
    (tmp_path / "c.txt").write_bytes(b"0.1 \xff")
    with pytest.raises(InputError, match="two numbers"):
        read_shifts(str(tmp_path / "c.txt"))
