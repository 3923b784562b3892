"""Recordings that an export is made and measured with."""

import numpy as np
import pytest
import soundfile

from open_seq2seq.errors import InputError
from open_seq2seq.export import recordings
from open_seq2seq.export.recordings import drawn_recordings, speech_of

RATE = 8000


@pytest.fixture
def manifest(tmp_path):
    """50 recordings; the number of each is its level, and half of it its length."""
    lines = ["wav_filename,wav_filesize,transcript"]
    for number in range(50):
        samples = np.full(100 + 2 * number, number / 64, np.float32)
        soundfile.write(tmp_path / f"{number}.wav", samples, RATE, subtype="FLOAT")
        lines.append(f"{number}.wav,1,{'AB' if number % 2 else 'a'}")
    path = tmp_path / "manifest.csv"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def numbers(found):
    return [round(float(one[0]) * 64) for one in found]


def test_a_few_dozen_are_drawn_with_a_seed(manifest):
    found = drawn_recordings([manifest], RATE)
    assert len(set(numbers(found))) == 32
    assert all(len(one) == 100 + 2 * number for one, number in zip(found, numbers(found)))
    assert numbers(drawn_recordings([manifest], RATE)) == numbers(found)
    assert numbers(drawn_recordings([manifest], RATE, seed=1)) != numbers(found)


def test_long_ones_are_cut(manifest, monkeypatch):
    monkeypatch.setattr(recordings, "_LONGEST", 150 / RATE)
    assert max(map(len, drawn_recordings([manifest], RATE))) == 150


def test_a_manifest_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv"):
        drawn_recordings([str(tmp_path / "none.csv")], RATE)


def test_speech_is_as_long_as_there_is(manifest):
    found = speech_of([manifest], RATE)
    assert len(found) == sum(100 + 2 * number for number in range(50))
    assert found[0] == 0 and found[-1] == np.float32(49 / 64)


def test_speech_ends_after_some_seconds(manifest, monkeypatch):
    monkeypatch.setattr(recordings, "_COMPARED", 150 / RATE)
    assert len(speech_of([manifest], RATE)) == 100 + 102


@pytest.mark.parametrize("manifests", [[], ["none.csv"]])
def test_without_recordings_it_is_noise_which_is_said(manifests, logged):
    found = speech_of(manifests, RATE)
    assert len(found) == 40 * RATE and 0.01 < found.std() < 0.1
    assert "--manifest" in "".join(logged)
