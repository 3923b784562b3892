"""Audio read block by block is what `read_audio` reads."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from open_seq2seq.data.audio import audio_blocks, mono_blocks, read_audio
from open_seq2seq.errors import InputError
from tests.data.corpora import write_audio

RATE = 16000


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3"])
def test_blocks_are_the_file(tmp_path, name):
    path = write_audio(tmp_path / name, 1.3)
    whole = read_audio(path, RATE)
    for frames in (1000, 4096, 10**6):
        blocks = list(audio_blocks(path, frames))
        assert all(block.shape == (frames, 1) for block in blocks[:-1])
        # The MP3 decoder rounds the last bit otherwise where a block begins elsewhere.
        tolerance = 1e-6 if name == "a.mp3" else 0
        np.testing.assert_allclose(np.concatenate(blocks)[:, 0], whole, rtol=0, atol=tolerance)


def test_blocks_of_a_segment_and_of_channels(tmp_path):
    path = write_audio(tmp_path / "a.wav", 1.0, channels=2)
    stored, _ = soundfile.read(path, dtype="float32")
    part = np.concatenate(list(audio_blocks(path, 999, start=0.25, duration=0.5)))
    np.testing.assert_array_equal(part, stored[4000:12000])


def test_damage_is_the_same_error(tmp_path):
    path = write_audio(tmp_path / "a.flac", 2.0)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    loud = np.zeros(RATE, np.float32)
    loud[7000] = np.nan
    soundfile.write(tmp_path / "nan.wav", loud, RATE, "FLOAT")
    wav = write_audio(tmp_path / "cut.wav", 1.0)
    wav.write_bytes(wav.read_bytes()[:-8000])
    for file, start in (
        (path, None),
        (tmp_path / "nan.wav", None),
        (wav, None),
        (tmp_path / "no.wav", None),
        (wav, 0.9),
        (wav, 0.1),
    ):
        segment = {} if start is None else {"start": start, "duration": 0.5}
        try:
            read_audio(file, RATE, **segment)
            expected = None
        except InputError as error:
            expected = str(error)
        if expected is None:
            assert sum(map(len, audio_blocks(file, 1600, **segment))) == 8000
        else:
            with pytest.raises(InputError) as caught:
                list(audio_blocks(file, 1600, **segment))
            assert str(caught.value) == expected


@pytest.mark.parametrize("rate", [16000, 8000, 44100])
@pytest.mark.parametrize("segment", [(None, None), (1.5, 20.0)])
def test_mono_blocks_are_the_recording_at_another_rate(tmp_path, rate, segment):
    rng = np.random.default_rng(0)
    samples = 0.1 * rng.standard_normal((25 * RATE, 2))
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    blocks = list(mono_blocks(tmp_path / "a.wav", rate, *segment))
    assert len(blocks) >= 2 and all(block.ndim == 1 for block in blocks)
    found, expected = np.concatenate(blocks), read_audio(tmp_path / "a.wav", rate, *segment)
    assert len(found) == len(expected) and found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
