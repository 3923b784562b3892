"""Checks of a corpus before training."""

from __future__ import annotations

import json
import unicodedata

import numpy as np
import pytest

from open_seq2seq.data import Speech2TextDataLayer
from open_seq2seq.data.audio import AudioInfo
from open_seq2seq.data.checks import lies
from open_seq2seq.data.headers import scan_headers
from open_seq2seq.errors import InputError, Problem
from tests.data.corpora import write_audio, write_csv


@pytest.fixture
def layer_of(tmp_path):
    """Makes a data layer of a manifest."""

    def make(manifest, mode="train", vocabulary=" abcdé", **params) -> Speech2TextDataLayer:
        path = tmp_path / "vocab.txt"
        path.write_text("\n".join([*vocabulary, ""]), encoding="utf-8")
        defaults = {
            "vocab_file": str(path),
            "dataset_files": [manifest],
            "backend": "librosa",
            "input_type": "logfbank",
            "num_audio_features": 16,
        }
        return Speech2TextDataLayer({**defaults, **params}, mode=mode, batch_size=4)

    return make


def messages(report) -> list[str]:
    return [str(problem) for problem in report.problems]


def test_files(tmp_path, layer_of):
    write_audio(tmp_path / "good.wav", 0.5)
    write_audio(tmp_path / "silent.wav", 0.0)
    (tmp_path / "text.wav").write_text("no audio")
    (tmp_path / "empty.wav").touch()
    (tmp_path / "folder.wav").mkdir()
    names = ["good.wav", "missing.wav", "text.wav", "empty.wav", "folder.wav", "silent.wav"]
    manifest = write_csv(tmp_path / "a.csv", [(name, "abc") for name in names])
    layer = layer_of(manifest)
    report = layer.check()
    assert report.rows == report.bad_rows == [1, 2, 3, 4, 5]
    for row, name, text in zip(report.rows, names[1:], messages(report)):
        assert text.startswith(f"{manifest}:{row + 2}: found {tmp_path / name}: ")
    assert "no such file" in messages(report)[0]
    layer.drop(report)
    assert [row.name for row in layer.utterances] == ["good.wav"]
    assert layer.check().problems == []
    assert len(list(layer.batches())) == layer.batches_per_epoch == 1


def test_dropping_everything(tmp_path, layer_of):
    layer = layer_of(write_csv(tmp_path / "a.csv", [("missing.wav", "abc")]))
    with pytest.raises(InputError, match="no usable recordings"):
        layer.drop(layer.check())


def test_transcripts(tmp_path, layer_of):
    write_audio(tmp_path / "a.wav", 1.0)
    texts = ["abc", "", "  ", "aBc é", unicodedata.normalize("NFD", "é"), "a,b\tc,", "nan"]
    manifest = write_csv(tmp_path / "a.csv", [("a.wav", text) for text in texts])
    report = layer_of(manifest).check()
    assert report.rows == [1, 2, 3, 4, 4, 5, 5, 6]
    found = messages(report)
    assert found[0].startswith(f"{manifest}:3: found an empty transcript")
    assert found[1].startswith(f"{manifest}:4: found an empty transcript")
    assert found[2].startswith(f"{manifest}:5, transcript column 2: found 'B' U+0042 LATIN CAPITAL")
    mends = "Set text_normalization to 'plain' in data_layer_params: it mends 3 of 4 rows."
    assert found[2].endswith(mends)
    assert "U+0301 COMBINING ACUTE ACCENT" in found[4] and found[4].endswith(mends)
    assert "column 2: found ',' U+002C COMMA (2 times)" in found[5]
    assert "U+0009" in found[6]
    assert any("taken as words" in note and f"{manifest}:8 (nan)" in note for note in report.notes)


def test_missing_text_in_json(tmp_path, layer_of):
    write_audio(tmp_path / "a.wav", 1.0)
    manifest = tmp_path / "a.json"
    manifest.write_text(json.dumps({"audio_filepath": "a.wav", "text": float("nan")}))
    (problem,) = layer_of(str(manifest)).check().problems
    assert problem.found == "an empty transcript"


@pytest.mark.parametrize("mode", ["train", "eval", "infer"])
def test_too_many_labels(tmp_path, layer_of, mode):
    """1.0 s are 101 frames, 51 steps at stride 2; `aab` needs four steps."""
    write_audio(tmp_path / "a.wav", 1.0)
    texts = ["ab" * 25, "ab" * 25 + "a", "ab" * 26, "a" * 26, "a" * 27]
    manifest = write_csv(tmp_path / "a.csv", [("a.wav", text) for text in texts])
    report = layer_of(manifest, mode).check(lambda frames: (frames + 1) // 2)
    if mode == "train":
        assert report.rows == [2, 4]
        assert messages(report)[0].startswith(
            f"{manifest}:4: found 52 labels and 0 repeated ones for 51 steps of the network "
            "(101 frames of features), expected at least 52 steps"
        )
        assert "27 labels and 26 repeated ones" in messages(report)[1]
    else:
        assert report.problems == []
        assert any(note.startswith("2 utterances") for note in report.notes) == (mode == "eval")


def test_too_many_labels_at_the_fastest_speed(tmp_path, layer_of):
    write_audio(tmp_path / "a.wav", 1.0)
    manifest = write_csv(tmp_path / "a.csv", [("a.wav", "ab" * 50)])
    assert layer_of(manifest).check(lambda frames: frames).problems == []
    layer = layer_of(manifest, augmentation={"speed_perturbation_ratio": 0.1})
    (problem,) = layer.check(lambda frames: frames).problems
    assert "91 frames" in problem.found


def test_durations_that_lie(tmp_path, layer_of):
    durations = {"a": (2.0, 2.05), "b": (2.0, 2.2), "c": (0.5, 0.5), "d": (4.0, 4.09)}
    lines = []
    for name, (real, told) in durations.items():
        write_audio(tmp_path / f"{name}.wav", real)
        row = {"audio_filepath": f"{name}.wav", "text": "abc", "duration": told}
        lines.append(json.dumps(row))
    manifest = tmp_path / "a.json"
    manifest.write_text("\n".join(lines))
    report = layer_of(str(manifest)).check()
    assert report.rows == [1, 3]
    assert messages(report)[0].startswith(
        f"{manifest}:2: found duration 2.2 s of b.wav, expected 2.000 s"
    )


@pytest.mark.parametrize(
    ("real", "told", "wrong"),
    [
        (10.0, 10.09, False),
        (10.0, 10.11, True),
        (10.0, 9.8, True),
        (3.0, 3.059, False),
        (3.0, 3.07, True),
        (0.35, 0.4, False),
        (0.35, 0.42, True),
        (0.35, None, False),
    ],
)
def test_lies(real, told, wrong):
    header = AudioInfo(real, 16000, 1, round(real * 16000), "WAV", "PCM_16")
    assert lies(told, header) == wrong


def test_rates_and_channels_are_said_once(tmp_path, layer_of):
    write_audio(tmp_path / "a.wav", 0.5, rate=8000)
    write_audio(tmp_path / "b.wav", 0.5, rate=8000, channels=2)
    write_audio(tmp_path / "c.wav", 0.5, rate=44100)
    write_audio(tmp_path / "d.wav", 0.5)
    rows = [(f"{name}.wav", "abc") for name in "abcd"]
    report = layer_of(write_csv(tmp_path / "a.csv", rows)).check()
    assert report.problems == []
    assert report.notes == [
        "2 recordings at 8000 Hz are resampled to 16000 Hz.",
        "1 recordings at 44100 Hz are resampled to 16000 Hz.",
        "1 recordings with several channels are mixed down.",
    ]


def test_report_file(tmp_path, layer_of):
    write_audio(tmp_path / "a.wav", 0.5)
    write_audio(tmp_path / "long.wav", 2.0)
    rows = [("a.wav", "abc"), ("a.wav", "xyz"), ("long.wav", "abc"), ("b.wav", "abc")]
    report = layer_of(write_csv(tmp_path / "a.csv", rows), max_duration=1.0).check()
    path = tmp_path / "report.txt"
    report.write(path)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("2 rows with problems:\n")
    assert all(message in text for message in messages(report))
    assert len(report.problems) == 4
    assert "1 rows outside the limits on duration:\n" in text
    assert "long.wav: 2.000 s, outside max_duration 1 s" in text


def test_headers_come_in_order(tmp_path):
    """More files than a thread takes at a time."""
    seconds = np.random.default_rng(0).uniform(0.01, 0.05, 200)
    paths = [str(write_audio(tmp_path / f"{index}.wav", one)) for index, one in enumerate(seconds)]
    paths.insert(70, str(tmp_path / "missing.wav"))
    headers = scan_headers(paths)
    missing = headers.pop(70)
    assert isinstance(missing, Problem) and missing.where.endswith("missing.wav")
    np.testing.assert_allclose([header.duration for header in headers], seconds, atol=1e-4)
    assert scan_headers([]) == []


def test_transcripts_are_checked_as_they_are_normalised(tmp_path, layer_of):
    write_audio(tmp_path / "a.wav", 1.0)
    texts = ["Abc!", "—", "C&D", "2"]
    manifest = write_csv(tmp_path / "a.csv", [("a.wav", text) for text in texts])
    report = layer_of(manifest, text_normalization="plain").check()
    assert report.rows == [1, 3]
    assert "an empty transcript after text_normalization plain" in messages(report)[0]
    layer = layer_of(manifest, mode="eval", text_normalization="librispeech")
    assert [row.transcript for row in layer.utterances] == ["abc", "", "c and d", "two"]
    layer.drop(layer.check())
    labels = next(layer.batches()).labels[0]
    assert layer.vocabulary.decode(labels) == "abc"
    with pytest.raises(InputError, match="librispeech"):
        layer_of(manifest, text_normalization="english")


def test_a_corpus_in_capitals(tmp_path, layer_of):
    """Each character once with its count, and the normalisation that mends it, which works."""
    write_audio(tmp_path / "a.wav", 1.0)
    rows = [("a.wav", "ABC CAB")] * 40 + [("a.wav", "A 1")]
    manifest = write_csv(tmp_path / "a.csv", rows)
    report = layer_of(manifest).check()
    assert len(report.problems) == 40 * 3 + 2
    lines = str(InputError("The data:", report.problems)).splitlines()
    # The digit has no letter in this vocabulary: no normalisation mends that row.
    assert lines[1:5] == [
        "  - 120 times, expected a character of the vocabulary. Set text_normalization to 'plain' "
        "in data_layer_params: it mends 40 of 41 rows.",
        *(
            f"      '{c}' U+{ord(c):04X} LATIN CAPITAL LETTER {c}: 40 times: "
            f"{manifest}:2, transcript column {n}; {manifest}:3, transcript column {n}; "
            f"{manifest}:4, transcript column {n}; ..."
            for n, c in enumerate("ABC", start=1)
        ),
    ]
    assert f"{manifest}:42, transcript column 3: found '1' U+0031" in lines[-1]
    mended = layer_of(manifest, text_normalization="plain").check()
    assert mended.rows == [40]


def test_what_mends_english_numbers(tmp_path, layer_of):
    write_audio(tmp_path / "a.wav", 1.0)
    manifest = write_csv(tmp_path / "a.csv", [("a.wav", "2 & 2"), ("a.wav", "Two")])
    report = layer_of(manifest, vocabulary=" abcdefghijklmnopqrstuvwxyz'").check()
    remedy = "Set text_normalization to 'librispeech' in data_layer_params: it mends all 2 rows."
    assert {problem.remedy for problem in report.problems} == {remedy}


TURKISH = " abcçdefgğhıijklmnoöprsştuüvyz"


def test_turkish_under_plain_is_refused_and_turkish_mends_it(tmp_path, layer_of):
    write_audio(tmp_path / "a.wav", 1.0)
    texts = ["SIFIR", "BİR", "iki", "ALTI"]
    manifest = write_csv(tmp_path / "a.csv", [("a.wav", text) for text in texts])
    report = layer_of(manifest, vocabulary=TURKISH, text_normalization="plain").check()
    assert report.rows == [0, 3, 1]
    assert "a capital I, which text_normalization 'plain' writes as i" in messages(report)[0]
    assert "Set text_normalization to 'turkish'" in messages(report)[0]
    assert "U+0307" in messages(report)[2] and "'turkish'" in messages(report)[2]
    assert any("1 text has İ or ı" in note for note in report.notes)
    # Also from no normalisation at all: 'plain' would be wrong for two rows.
    report = layer_of(manifest, vocabulary=TURKISH).check()
    assert all("to 'turkish' in data_layer_params: it mends all 3" in m for m in messages(report))
    layer = layer_of(manifest, vocabulary=TURKISH, text_normalization="turkish")
    assert layer.check().problems == []
    assert [one.transcript for one in layer.utterances] == ["sıfır", "bir", "iki", "altı"]
    assert [one.written for one in layer.utterances] == ["SIFIR", "BİR", None, "ALTI"]


def test_a_vocabulary_in_capitals(tmp_path, layer_of):
    write_audio(tmp_path / "a.wav", 1.0)
    manifest = write_csv(tmp_path / "a.csv", [("a.wav", "abc")])
    report = layer_of(manifest, vocabulary=" ABC").check()
    assert "Write the transcripts in capitals, as the vocabulary does." in messages(report)[0]
