"""Utterances that are segments of longer files: reading, lengths, checks, features."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from open_seq2seq.data import Speech2TextDataLayer
from open_seq2seq.data import headers as header_module
from open_seq2seq.data.audio import read_audio
from open_seq2seq.errors import InputError
from tests.data.corpora import write_audio

RATE = 16000
FEATURES = {"backend": "librosa", "input_type": "logfbank", "num_audio_features": 16}


@pytest.fixture
def long_file(tmp_path):
    """3 seconds of noise in which every sample differs from its neighbours."""
    values = np.random.default_rng(0).integers(-20000, 20000, 3 * RATE).astype(np.int16)
    for name in ("long.wav", "long.flac"):
        soundfile.write(tmp_path / name, values, RATE)
    return values


@pytest.mark.parametrize("name", ["long.wav", "long.flac"])
@pytest.mark.parametrize(
    "first, last", [(0, 1), (0, 16000), (1, 2), (12345, 23456), (47000, 48000)]
)
def test_exact_to_the_sample(tmp_path, long_file, name, first, last):
    samples = read_audio(tmp_path / name, RATE, first / RATE, (last - first) / RATE)
    np.testing.assert_array_equal(samples * 32768, long_file[first:last])


def test_converts_the_segment_only(tmp_path, long_file):
    """The same as of a file into which the segment was cut."""
    soundfile.write(tmp_path / "cut.wav", long_file[8000:24000], RATE)
    segment = read_audio(tmp_path / "long.flac", 8000, 0.5, 1.0)
    np.testing.assert_array_equal(segment, read_audio(tmp_path / "cut.wav", 8000))


def test_past_the_end(tmp_path, long_file):
    path = tmp_path / "long.wav"
    # Up to half a tenth of a second is rounding of the two times.
    assert len(read_audio(path, RATE, 2.5, 0.55)) == RATE // 2
    for start, duration in [(2.5, 0.6), (3.0, 0.5), (4.0, 0.02)]:
        with pytest.raises(InputError) as caught:
            read_audio(path, RATE, start, duration)
        (problem,) = caught.value.problems
        assert problem.where == str(path)
        assert f"from {start:g} to {start + duration:g} s of 3.000 s" in problem.found


def test_damage_counts_where_the_segment_is(tmp_path, long_file):
    samples = long_file / np.float32(32768)
    samples[20000] = np.nan
    soundfile.write(tmp_path / "nan.wav", samples, RATE, subtype="FLOAT")
    assert len(read_audio(tmp_path / "nan.wav", RATE, 0, 1.0)) == RATE
    with pytest.raises(InputError, match="1 NaN"):
        read_audio(tmp_path / "nan.wav", RATE, 1.0, 1.0)
    for name in ("long.wav", "long.flac"):
        whole = (tmp_path / name).read_bytes()
        cut = tmp_path / f"cut_{name}"
        cut.write_bytes(whole[: len(whole) // 2])
        np.testing.assert_array_equal(read_audio(cut, RATE, 0.5, 0.5), samples[RATE // 2 : RATE])
        with pytest.raises(InputError, match=r"cut off|does not decode"):
            read_audio(cut, RATE, 2.0, 0.5)


@pytest.fixture
def layer_of(tmp_path):
    vocabulary = tmp_path / "vocab.txt"
    vocabulary.write_text(" \na\nb\nc\n")

    def make(rows, mode="train", **params):
        manifest = tmp_path / "segments.json"
        manifest.write_text("".join(json.dumps({"text": "abc", **row}) + "\n" for row in rows))
        params = {
            "vocab_file": str(vocabulary),
            "dataset_files": [str(manifest)],
            **FEATURES,
            **params,
        }
        return Speech2TextDataLayer(params, mode=mode, batch_size=8)

    return make


SEGMENTS = [(0.0, 0.7), (0.7, 1.2), (1.9, 1.1), (0.25, 0.5)]


def segment_rows(name="long.flac"):
    return [
        {"audio_filepath": name, "offset": offset, "duration": duration}
        for offset, duration in SEGMENTS
    ]


@pytest.mark.parametrize("cached", [False, True])
def test_features_are_those_of_cut_files(tmp_path, long_file, layer_of, cached):
    cut = []
    for index, (offset, duration) in enumerate(SEGMENTS):
        first = round(offset * RATE)
        name = f"cut{index}.wav"
        soundfile.write(tmp_path / name, long_file[first : first + round(duration * RATE)], RATE)
        cut.append({"audio_filepath": name, "duration": duration})
    layer = layer_of(segment_rows(), cache_features=cached)
    assert layer.check().problems == []
    expected = next(layer_of(cut).batches())
    for _ in range(2):
        batch = next(layer.batches())
        np.testing.assert_array_equal(batch.features, expected.features)
        np.testing.assert_array_equal(batch.feature_lengths, expected.feature_lengths)
        np.testing.assert_array_equal(batch.indices, expected.indices)
    assert batch.audio_seconds == pytest.approx(3.5)
    names = {utterance.name for utterance in layer.utterances}
    assert names == {"long.flac"}
    assert len(list(tmp_path.rglob("feature_cache/*/*/*.npy"))) == (4 if cached else 0)


def test_limits_count_the_segment(tmp_path, long_file, layer_of):
    layer = layer_of(segment_rows(), min_duration=0.6, max_duration=1.1)
    assert [row.offset for row in layer.utterances] == [0.0, 1.9]


def test_problems_name_segment_and_file(tmp_path, long_file, layer_of, monkeypatch):
    write_audio(tmp_path / "other.wav", 1.0)
    scanned: list[str] = []
    info = header_module.audio_info

    def noted(path, lenient=False):
        scanned.append(str(path))
        return info(path, lenient)

    monkeypatch.setattr(header_module, "audio_info", noted)
    rows = [
        *segment_rows(),
        {"audio_filepath": "long.flac", "offset": 2.5, "duration": 0.8},
        {"audio_filepath": "long.flac", "offset": 3.5, "duration": 0.1},
        {"audio_filepath": "other.wav", "offset": 0.5, "duration": 0.54},
        {"audio_filepath": "other.wav", "duration": 0.5},
    ]
    report = layer_of(rows).check()
    assert report.rows == [4, 5, 7]
    late, behind, false = map(str, report.problems)
    assert "segments.json:5" in late and "from 2.5 to 3.3 s of long.flac" in late
    assert "3.000 s" in late and "3.5 to 3.6" in behind
    assert "duration 0.5 s of other.wav" in false
    assert sorted(scanned) == [str(tmp_path / "long.flac"), str(tmp_path / "other.wav")]


def test_too_short_for_the_text(tmp_path, long_file, layer_of):
    """The file would do, the segment does not."""
    row = {"audio_filepath": "long.wav", "text": "abcabcabc", "offset": 1.0, "duration": 0.1}
    report = layer_of([row]).check(lambda frames: frames // 2)
    assert "9 labels" in str(report.problems[0])
