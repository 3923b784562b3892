"""Stored features as training data: scripts and archives of Kaldi's, and places in manifests."""

import numpy as np
import pytest

from open_seq2seq.data import Speech2TextDataLayer
from open_seq2seq.errors import InputError
from open_seq2seq.features.extractor import FeatureExtractor
from open_seq2seq.kaldi_io import ArkWriter

DIM, TEXTS = 6, ["a cab", "bad", "abc ab", "dad", "cab a"]
PARAMS = {"input_type": "stored", "num_audio_features": DIM, "norm_per_feature": True}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A data folder of Kaldi's: feats.scp, feats.ark, text; and vocab.txt."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    with ArkWriter("feats.ark", "feats.scp") as writer, open("text", "w") as texts:
        for number, text in enumerate(TEXTS):
            features = rng.normal(3, 5, (rng.integers(20, 90), DIM)).astype(np.float32)
            writer.write(f"speaker-{number}", features)
            texts.write(f"speaker-{number} {text}\n")
    (tmp_path / "vocab.txt").write_text(" \na\nb\nc\nd\n")
    return tmp_path


def layer(*files, mode="eval", **params):
    return Speech2TextDataLayer(
        {**PARAMS, "vocab_file": "vocab.txt", "dataset_files": list(map(str, files)), **params},
        mode=mode,
        batch_size=2,
    )


def stored():
    from open_seq2seq.kaldi_io import read_table

    return list(dict(read_table("feats.ark")).values())


def normalised(features):
    return (features - features.mean(0)) / features.std(0)


@pytest.mark.parametrize("file", ["feats.scp", "feats.ark"])
def test_features_are_those_of_the_archive(folder, file):
    data = layer(file)
    assert [one.name for one in data.utterances] == [f"speaker-{n}" for n in range(len(TEXTS))]
    assert [one.transcript for one in data.utterances] == TEXTS
    load = data.utterance_loader()
    for row, features in enumerate(stored()):
        np.testing.assert_allclose(load(row), normalised(features), atol=1e-5)
        assert data.seconds[row] == pytest.approx(len(features) * 0.01)


def test_batches_have_the_frames_of_the_archive(folder):
    data = layer("feats.scp", mode="train", num_buckets=2)
    assert data.check(lambda frames: frames).problems == []
    features = stored()
    seen = 0
    for batch in data.batches():
        for row, length, rows in zip(batch.indices, batch.feature_lengths, batch.features):
            assert length == len(features[row])
            np.testing.assert_allclose(rows[:length], normalised(features[row]), atol=1e-5)
            assert not rows[length:].any()
            seen += 1
    assert seen == len(TEXTS)


def test_manifests_name_places_and_segments(folder):
    place = (folder / "feats.scp").read_text().splitlines()[1].split()[1]
    (folder / "data.csv").write_text(
        "wav_filename,wav_filesize,transcript,duration,offset\n"
        f"{place},0,bad,,\n"
        f'"{place}[2:9]",0,dad,,\n'
        f"{place},0,dad,0.1,0.05\n"
    )
    load = layer("data.csv").utterance_loader()
    whole = stored()[1]
    for row, wanted in enumerate((whole, whole[2:10], whole[5:15])):
        np.testing.assert_allclose(load(row), normalised(wanted), atol=1e-5)


def test_masks_are_possible_and_what_needs_a_signal_is_not(folder):
    masks = {"n_freq_mask": 1, "width_freq_mask": 2}
    assert layer("feats.scp", mode="train", augmentation=masks).batches_per_epoch == 3
    with pytest.raises(InputError) as error:
        layer(
            "feats.scp", mode="train", dither=1e-5, features_on_device=True,
            augmentation={"speed_perturbation_ratio": 0.1},
        )  # fmt: skip
    text = str(error.value)
    for name in ("dither", "features_on_device", "speed_perturbation_ratio"):
        assert name in text


def test_features_of_another_dimension(folder):
    data = layer("feats.scp", num_audio_features=7, mode="infer")
    (problem, *_) = data.check().problems
    assert f"[{len(stored()[0])}, {DIM}]" in problem.found
    assert f"Set num_audio_features to {DIM}" in problem.remedy


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda folder: (folder / "text").unlink(), "text: found no file"),
        (
            lambda folder: (folder / "text").write_text("speaker-0 a\n"),
            "no transcript of speaker-1",
        ),
        (lambda folder: (folder / "text").write_text("x a\nx b\n"), "x again"),
        (lambda folder: (folder / "feats.scp").write_text("a b c|\n"), "a place in a file"),
        (lambda folder: (folder / "feats.scp").write_text(""), "no utterances"),
    ],
)
def test_folders_that_are_not_whole(folder, change, says):
    change(folder)
    with pytest.raises(InputError, match=says):
        layer("feats.scp")


def test_without_transcripts_they_can_be_recognised(folder):
    (folder / "text").unlink()
    assert len(layer("feats.scp", mode="infer").utterances) == len(TEXTS)


def test_statistics_of_the_training_data_and_streams(folder):
    mean, deviation = np.arange(DIM, dtype=float), np.arange(1, DIM + 1, dtype=float)
    extractor = FeatureExtractor(
        {**PARAMS, "feature_norm": "fixed", "features_mean": mean, "features_std_dev": deviation}
    )
    features = stored()[0]
    expected = (features - mean) / deviation
    np.testing.assert_allclose(extractor(features.ravel()), expected, rtol=1e-5, atol=1e-6)
    state, found = extractor.initial_state(), []
    for piece in np.array_split(features.ravel(), 7):
        rows, state = extractor.stream(piece, state, False)
        found.append(rows)
    np.testing.assert_allclose(np.concatenate(found), expected, rtol=1e-5, atol=1e-6)


def test_another_kind_of_features_is_another_fingerprint(folder):
    data = layer("feats.scp")
    computed = FeatureExtractor({"input_type": "logfbank", "num_audio_features": DIM})
    problems = data.fingerprint_problems(computed.fingerprint())
    assert any("input_type" in one.where for one in problems)
    assert data.fingerprint_problems(data.fingerprint()) == []


def test_the_graph_of_an_exported_model(folder):
    from open_seq2seq.features.graph import build_features
    from open_seq2seq.graphs.keras_builder import KerasBuilder

    extractor = FeatureExtractor(PARAMS)
    both = stored()[:2]
    lengths = np.array([one.size for one in both], np.int32)
    samples = np.zeros((2, lengths.max()), np.float32)
    for row, one in zip(samples, both):
        row[: one.size] = one.ravel()
    found, frames = build_features(KerasBuilder(), extractor, samples, lengths)
    assert np.asarray(frames).tolist() == [len(one) for one in both]
    for rows, one in zip(np.asarray(found), both):
        np.testing.assert_allclose(rows[: len(one)], normalised(one), atol=1e-4)
