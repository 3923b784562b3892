"""Recordings that an export is made and measured with."""

import numpy as np
import pytest
import soundfile

from open_seq2seq.decoders import make_decoder
from open_seq2seq.decoders.params import DECODER_PARAMS
from open_seq2seq.errors import InputError
from open_seq2seq.export import recordings
from open_seq2seq.export.recordings import EvaluationSet, drawn_recordings
from open_seq2seq.vocabulary import SymbolTable

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


def test_error_rates(manifest):
    """A model that hears "a" in everything: half of the texts, and of the other half one in two
    characters."""
    decoder = make_decoder(DECODER_PARAMS.fill({}), SymbolTable(("a", "b")), 0.01)
    heard = []

    def log_probs(samples):
        heard.append(len(samples))
        return np.log(np.array([[0.1, 0.1, 0.8], [0.8, 0.1, 0.1]], np.float32))

    errors = EvaluationSet([manifest], RATE, "plain").errors(log_probs, decoder)
    assert heard == [100 + 2 * number for number in range(50)]
    assert errors.words.rate == 0.5
    assert errors.characters.rate == pytest.approx(25 / 75)
    # Without the normalisation, capitals are others.
    errors = EvaluationSet([manifest], RATE, None).errors(log_probs, decoder)
    assert errors.characters.rate == pytest.approx(50 / 75)
