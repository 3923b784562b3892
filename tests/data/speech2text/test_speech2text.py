"""The data layer: batches against a plain re-computation, resume, filters, errors."""

from __future__ import annotations

import itertools
import json
import threading

import numpy as np
import pytest
import sentencepiece
import soundfile

from open_seq2seq.data import Speech2TextDataLayer
from open_seq2seq.data.audio import read_audio
from open_seq2seq.data.manifest import Utterance, read_manifests
from open_seq2seq.errors import InputError, RunError
from open_seq2seq.features.extractor import FeatureExtractor
from tests.data.corpora import write_audio, write_csv

AUGMENTATION = {
    "speed_perturbation_ratio": 0.1,
    "noise_level_min": -60,
    "noise_level_max": -40,
    "n_time_mask": 1,
    "width_time_mask": 10,
    "n_freq_mask": 1,
    "width_freq_mask": 4,
}


def make(params, mode="train", batch_size=4, **options) -> Speech2TextDataLayer:
    return Speech2TextDataLayer(params, mode=mode, batch_size=batch_size, **options)


def assert_equal_batches(first, second) -> None:
    first, second = list(first), list(second)
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        for name, value in vars(one).items():
            np.testing.assert_array_equal(value, getattr(other, name), err_msg=name)


@pytest.mark.parametrize("backend", ["librosa", "psf"])
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_batches_hold_each_utterance(params, mode, backend):
    params["backend"] = backend
    layer = make(params, mode)
    extractor = FeatureExtractor(params)
    seen = []
    for batch in layer.batches():
        assert batch.features.dtype == np.float32
        assert batch.features.shape[1] in layer.bucket_lengths
        assert [batch.feature_lengths.dtype, batch.labels.dtype] == [np.int32, np.int32]
        seconds = 0.0
        for row, index in enumerate(batch.indices):
            utterance = layer.utterances[index]
            samples = read_audio(utterance.path, 16000)
            seconds += len(samples) / 16000
            expected, length = extractor(samples), batch.feature_lengths[row]
            assert length == len(expected)
            np.testing.assert_array_equal(batch.features[row, :length], expected)
            assert (batch.features[row, length:] == 0).all()
            labels = batch.labels[row, : batch.label_lengths[row]]
            assert layer.vocabulary.decode(labels) == utterance.transcript
            assert (batch.labels[row, batch.label_lengths[row] :] == 0).all()
        assert batch.audio_seconds == pytest.approx(seconds)
        seen += batch.indices.tolist()
    assert sorted(seen) == list(range(30))


def test_infer_needs_no_transcripts(params, corpus, tmp_path):
    rows = read_manifests(params["dataset_files"], need_transcript=True)
    path = tmp_path / "infer.csv"
    path.write_text("wav_filename\n" + "".join(f"{row.path}\n" for row in rows))
    layer = make(params | {"dataset_files": [str(path)]}, "infer")
    batches = list(layer.batches())
    assert sorted(np.concatenate([batch.indices for batch in batches])) == list(range(30))
    assert all(batch.labels.shape == (len(batch.indices), 0) for batch in batches)
    assert all((batch.label_lengths == 0).all() for batch in batches)
    assert layer.check().problems == []


@pytest.mark.parametrize("dither", [0.0, 1e-5])
def test_workers_and_resume_change_nothing(params, dither):
    params |= {"augmentation": AUGMENTATION, "dither": dither}
    expected = list(make(params | {"loader_workers": 0}, seed=3).batches(epoch=2))
    assert_equal_batches(expected, make(params | {"loader_workers": 3}, seed=3).batches(epoch=2))
    layer = make(params, seed=3)
    for start in (1, 5, len(expected)):
        assert_equal_batches(expected[start:], layer.batches(epoch=2, start=start))
    other = next(make(params, seed=4).batches(epoch=2))
    assert other.indices.tolist() != expected[0].indices.tolist()


def test_augmentation_does_not_depend_on_the_batch(params):
    """An utterance of an epoch is the same in another batch size and on another worker."""
    params["augmentation"] = AUGMENTATION

    def by_row(batches) -> dict[int, np.ndarray]:
        return {
            int(index): batch.features[row, : batch.feature_lengths[row]]
            for batch in batches
            for row, index in enumerate(batch.indices)
        }

    whole = by_row(make(params, batch_size=30).batches(epoch=1))
    split: dict[int, np.ndarray] = {}
    for rank in range(2):
        layer = make(params, batch_size=3, rank=rank, world_size=2)
        split |= by_row(layer.batches(epoch=1))
    assert whole.keys() == split.keys() == set(range(30))
    for row, features in whole.items():
        np.testing.assert_array_equal(features, split[row])
    again = by_row(make(params).batches(epoch=2))
    assert all(not np.array_equal(features, again[row]) for row, features in whole.items())


def test_workers_share_the_batches_of_one(params):
    """Training: the rows of each batch in turn, none twice; the last of 30 = 2 * 14 + 2 rows."""
    params["augmentation"] = AUGMENTATION
    whole = list(make(params, batch_size=14, seed=1).batches(epoch=1))
    layers = [make(params, batch_size=2, seed=1, rank=rank, world_size=7) for rank in range(7)]
    assert {layer.batches_per_epoch for layer in layers} == {len(whole)} == {3}
    padding = 0
    for expected, *parts in zip(whole, *[layer.batches(epoch=1) for layer in layers]):
        for rank, part in enumerate(parts):
            assert part.is_padding == (rank >= len(expected.indices))
            rows = slice(0, 1) if part.is_padding else slice(rank, None, 7)
            np.testing.assert_array_equal(part.indices, expected.indices[rows])
            np.testing.assert_array_equal(part.features, expected.features[rows])
            np.testing.assert_array_equal(part.label_lengths, expected.label_lengths[rows])
            width = part.labels.shape[1]
            np.testing.assert_array_equal(part.labels, expected.labels[rows, :width])
            assert part.is_padding == (part.units == 0)
        padding += sum(part.is_padding for part in parts)
        assert sum(part.units for part in parts) == pytest.approx(expected.units)
    assert padding == 5


@pytest.mark.parametrize("mode", ["eval", "infer"])
def test_workers_take_whole_batches_in_evaluation(params, mode):
    whole = list(make(params, mode, batch_size=8).batches())
    layers = [
        make(params, mode, batch_size=8, rank=rank, world_size=5, devices=2) for rank in range(5)
    ]
    assert [layer.batches_per_epoch for layer in layers] == [1, 1, 1, 1, 0]
    for rank, layer in enumerate(layers):
        assert_equal_batches(whole[rank::5], layer.batches())


@pytest.mark.parametrize(
    "noise",
    [
        {"augmentation": {"noise_level_min": -20, "noise_level_max": -20}},
        {"augmentation": {"n_time_mask": 2, "n_freq_mask": 2, "width_freq_mask": 8}},
        {"dither": 0.1},
    ],
)
def test_each_utterance_and_epoch_has_its_own_randomness(params, corpus, tmp_path, noise):
    """The same recording twice, so that nothing else makes a difference."""
    path = str(corpus / "clips" / "00.flac")
    params |= {"dataset_files": [write_csv(tmp_path / "a.csv", [(path, "abc")] * 2)], **noise}
    seen = []
    for epoch in range(2):
        (batch,) = make(params).batches(epoch)
        seen += list(batch.features)
    different = [(one != other).any() for one, other in itertools.combinations(seen, 2)]
    assert all(different)
    plain = make(params | {"augmentation": None}, "eval")
    (first,), (second,) = plain.batches(0), plain.batches(1)
    np.testing.assert_array_equal(first.features, second.features)
    np.testing.assert_array_equal(first.features[0], first.features[1])


def test_speed_perturbation_is_planned_for(params):
    params |= {"augmentation": {"speed_perturbation_ratio": [0.8, 1.25]}, "num_buckets": 3}
    layer = make(params)
    for epoch in range(2):
        real = padded = 0
        for batch in layer.batches(epoch):
            assert batch.features.shape[1] in layer.bucket_lengths
            real += batch.feature_lengths.sum()
            padded += batch.features.shape[0] * batch.features.shape[1]
        assert layer.padding_share(epoch) == pytest.approx(1 - real / padded)


@pytest.mark.parametrize("workers", [1, 2])
def test_durations_of_the_manifest_save_reading_headers(params, corpus, tmp_path, workers):
    rows = read_manifests(params["dataset_files"], need_transcript=True)
    manifest = tmp_path / "m.json"
    lines = [
        json.dumps(
            {
                "audio_filepath": row.path,
                "text": row.transcript,
                # Rounded down, so that the plan expects fewer frames than there are.
                "duration": np.floor(soundfile.info(row.path).duration * 20) / 20,
            }
        )
        for row in rows
    ]
    manifest.write_text("\n".join(lines))
    params |= {"dataset_files": [str(manifest)], "num_buckets": 30, "pad_to": 1}
    layers = [make(params, world_size=workers, rank=rank) for rank in range(workers)]
    steps = list(zip(*(layer.batches() for layer in layers), strict=True))
    batches = [batch for step in steps for batch in step if not batch.is_padding]
    assert sum(len(batch.indices) for batch in batches) == 30
    if workers > 1:  # each takes the room it needs
        assert any(len({batch.features.shape[1] for batch in step}) > 1 for step in steps)
    for batch in batches:
        assert batch.feature_lengths.max() <= batch.features.shape[1]
        for row, index in enumerate(batch.indices):
            path = layers[0].utterances[index].path
            expected = layers[0].extractor(read_audio(path, 16000))
            length = batch.feature_lengths[row]
            np.testing.assert_array_equal(batch.features[row, :length], expected)


def test_duration_limits_are_inclusive_and_reported(params, tmp_path):
    rows = []
    for seconds in (0.4, 0.5, 0.75, 1.0, 1.1):
        rows.append((str(write_audio(tmp_path / f"{seconds}.wav", seconds)), "abc"))
    params["dataset_files"] = [write_csv(tmp_path / "a.csv", rows)]
    layer = make(params | {"min_duration": 0.5, "max_duration": 1}, batch_size=2)
    assert [row.name for row in layer.utterances] == [name for name, _ in rows[1:4]]
    assert layer.batches_per_epoch == 2 == len(list(layer.batches()))
    report = layer.check()
    assert report.problems == []
    assert "2 of 5 recordings left out by min_duration and max_duration." in report.notes
    first, second = report.filtered
    assert "a.csv:2:" in first and "0.400 s, outside min_duration 0.5" in first
    assert "a.csv:6:" in second and "1.100 s, outside max_duration 1" in second
    assert len(make(params | {"min_duration": -1, "max_duration": 0}).utterances) == 5
    with pytest.raises(InputError, match="no usable recordings"):
        make(params | {"min_duration": 5.0})


def test_limit_on_the_duration_of_a_batch(params):
    layer = make(params | {"max_batch_duration": 3.0}, batch_size=30)
    batches = list(layer.batches())
    assert len(batches) == layer.batches_per_epoch > 5
    assert all(len(b.indices) * b.features.shape[1] * 0.01 <= 3.0 for b in batches)
    assert sum(len(b.indices) for b in batches) == 30


def test_unreadable_file_is_named(params, tmp_path):
    good = str(write_audio(tmp_path / "good.wav", 0.5))
    rows = [(good, "abc"), ("missing.wav", "abc")]
    params["dataset_files"] = [write_csv(tmp_path / "a.csv", rows)]
    with pytest.raises(InputError, match=r"a\.csv:3: .*missing\.wav: found no such file"):
        make(params).batches()


def test_file_that_goes_bad_later_is_left_out_by_name(params, tmp_path):
    names = [str(write_audio(tmp_path / f"{name}.wav", 0.5)) for name in ("good", "bad")]
    params["dataset_files"] = [write_csv(tmp_path / "a.csv", [(name, "abc") for name in names])]
    layer = make(params)
    assert layer.batches_per_epoch == 1
    (tmp_path / "bad.wav").unlink()
    (batch,) = layer.batches()
    assert batch.indices.tolist() == [0] and not batch.is_padding
    assert len(batch.features) == len(batch.labels) == 1
    assert batch.audio_seconds == pytest.approx(0.5)
    ((row, problem),) = batch.left_out
    assert row == 1 and problem.where.endswith("a.csv:3")
    assert "bad.wav: no such file" in problem.found
    (tmp_path / "good.wav").unlink()
    (batch,) = layer.batches()
    assert batch.is_padding and batch.audio_seconds == 0 and len(batch.features) == 1
    assert [one.row for one in batch.left_out] == [0, 1]


def test_whatever_a_library_raises_the_file_is_left_out(params, monkeypatch):
    def fail(*arguments):
        raise ValueError("array is too big")

    layer = make(params)
    monkeypatch.setattr("open_seq2seq.data.speech2text.recording_features.read_audio", fail)
    batch = next(layer.batches())
    assert batch.is_padding and "array is too big" in batch.left_out[0].problem.found


def test_other_failures_name_the_file(params, monkeypatch):
    layer = make(params)

    def fail(*arguments):
        raise ZeroDivisionError("by zero")

    batches = layer.batches()
    monkeypatch.setattr(layer.recordings, "_without_masks", fail)
    with pytest.raises(RunError, match=r"clips/\d\d\.flac \(.*corpus\.csv:\d+\) .*by zero"):
        next(batches)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("loader")]


def test_unknown_character_names_row_and_column(params, tmp_path):
    path = str(write_audio(tmp_path / "good.wav", 0.5))
    params["dataset_files"] = [write_csv(tmp_path / "a.csv", [(path, "abé")])]
    with pytest.raises(InputError, match=r"a\.csv:2, transcript column 3: found 'é' U\+00E9"):
        next(make(params).batches())


def test_synthetic_voices(params, tmp_path):
    for voice, seconds in (("one", 0.4), ("two", 0.6)):
        for index in range(12):
            write_audio(tmp_path / voice / f"{index}.wav", seconds)
    real = str(write_audio(tmp_path / "real.wav", 0.5))
    rows = [("{}" + f"/{index}.wav", "abc") for index in range(12)] + [(real, "abc")]
    params |= {
        "dataset_files": [write_csv(tmp_path / "a.csv", rows)],
        "syn_enable": True,
        "syn_subdirs": ["one", "two"],
        "pad_to": 1,
    }
    layer = make(params)
    assert layer.check().problems == []
    chosen = []
    for epoch in range(2):
        lengths = {}
        for batch in layer.batches(epoch):
            lengths |= dict(zip(batch.indices.tolist(), batch.feature_lengths.tolist()))
        assert lengths.pop(12) == 51
        assert set(lengths.values()) == {41, 61}
        chosen.append(lengths)
    assert chosen[0] != chosen[1]
    # One voice lacks a sentence.
    (tmp_path / "two" / "3.wav").unlink()
    (problem,) = make(params).check().problems
    assert "a.csv:5" in problem.where and "two/3.wav" in problem.found
    with pytest.raises(InputError, match="syn_subdirs"):
        make(params | {"syn_subdirs": None})


def test_given_utterances(params, corpus):
    del params["dataset_files"]
    assert make(params, "infer", utterances=[]).num_features == 16
    path = str(corpus / "clips" / "00.flac")
    layer = make(params, "infer", utterances=[Utterance(path, "00.flac", None, None, "00.flac")])
    (batch,) = layer.batches()
    assert batch.indices.tolist() == [0]
    with pytest.raises(InputError, match="at least one manifest"):
        make(params)


@pytest.mark.parametrize("speed", [0.0, [0.9, 1.1], [0.8], 0.1])
def test_cache(params, tmp_path, speed, monkeypatch):
    params |= {"cache_features": True, "cache_dir": str(tmp_path / "cache")}
    params["augmentation"] = {"speed_perturbation_ratio": speed, "n_time_mask": 1}
    params["augmentation"]["width_time_mask"] = 5
    layer, drawn = make(params), speed == 0.1
    expected = list(layer.batches())
    # The dither, which caching freezes, is off here.
    assert_equal_batches(expected, make(params | {"cache_features": False}).batches())
    other_epochs = [list(make(params).batches(epoch)) for epoch in range(1, 8)]
    calls = []
    original = FeatureExtractor.__call__
    monkeypatch.setattr(
        FeatureExtractor, "__call__", lambda *a, **k: calls.append(1) or original(*a, **k)
    )
    assert_equal_batches(expected, make(params).batches())
    assert len(calls) == (30 if drawn else 0)
    assert any("cache_features has no effect" in note for note in layer.notes) == drawn
    assert_equal_batches(other_epochs[-1], make(params).batches(7))


def test_pauses_have_the_planned_length(params):
    """Features of recordings with pauses are as long as the plan says, and begin as without."""
    params["augmentation"] = {"pauses": {"probability": 1.0, "digital_share": 1.0}}
    params |= {"max_batch_duration": 30.0, "dither": 0.0}
    layer = make(params, batch_size=2)
    for epoch in range(2):
        plan = layer._epoch_plan(epoch)
        for step, batch in enumerate(layer.batches(epoch)):
            planned = plan.batch(step)
            assert batch.features.shape[1] == planned.length
            np.testing.assert_array_equal(batch.feature_lengths, planned.frames)
            assert planned.pauses.sum() > 0
            for row, pauses in zip(batch.indices, planned.pauses):
                samples = read_audio(layer.utterances[row].path, 16000)
                with_pauses = layer.extractor.frames(len(samples) + int(pauses.sum()))
                assert with_pauses == planned.frames[list(batch.indices).index(row)]


def test_cached_forms(params, tmp_path):
    """Each form of a recording is computed once, equals what is computed anew, and they differ."""
    params |= {"cache_features": True, "cache_dir": str(tmp_path / "cache"), "dither": 0.0}
    params["augmentation"] = {
        "num_forms": 2,
        "pauses": {"probability": 1.0, "digital_share": 0.5},
        "noise_level_min": -40,
        "noise_level_max": -30,
        "level_min": -10.0,
        "n_time_mask": 1,
    }
    layer = make(params)
    assert not [note for note in layer.notes if "no effect" in note]
    first = {epoch: list(layer.batches(epoch)) for epoch in range(4)}
    stored = list((tmp_path / "cache").rglob("*.npy"))
    rows = {(int(row), int(form)) for epoch in first for row, form in planned_forms(layer, epoch)}
    assert len(stored) == len(rows)
    assert len(rows) > len(layer.utterances)
    again, anew = make(params), make(params | {"cache_features": False})
    for epoch, batches in first.items():
        assert_equal_batches(batches, again.batches(epoch))
    # Without a cache the dither is drawn, but here is none of it.
    assert_equal_batches(first[3], anew.batches(3))
    assert len(list((tmp_path / "cache").rglob("*.npy"))) == len(stored)
    other_noise = make({**params, "augmentation": {**params["augmentation"], "level_min": -20.0}})
    list(other_noise.batches(0))
    assert len(list((tmp_path / "cache").rglob("*.npy"))) > len(stored)


def planned_forms(layer, epoch):
    forms = layer._epoch_plan(epoch).draws.of(slice(None)).forms
    return zip(np.arange(len(forms)), forms)


def test_cached_speeds_are_told_apart(params, tmp_path):
    """The same utterance at two speeds, from a cache that holds both."""
    params |= {"cache_features": True, "cache_dir": str(tmp_path / "cache")}
    for _ in range(2):
        lengths = []
        for factor in (1.0, 0.8, 1.25):
            params["augmentation"] = {"speed_perturbation_ratio": [factor]}
            layer = make(params | {"shuffle": False})
            lengths.append(next(layer.batches()).feature_lengths[0])
        assert lengths[1] < lengths[0] < lengths[2]


def test_sentencepiece_labels(params, tmp_path):
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["a cab", "bad", "abc ab", "dad", "cab a bad"] * 4),
        model_prefix=str(tmp_path / "bpe"),
        vocab_size=14,
        hard_vocab_limit=False,
        model_type="bpe",
        minloglevel=2,
    )
    layer = make(params | {"bpe": True, "vocab_file": str(tmp_path / "bpe.model")}, "eval")
    assert layer.check(lambda frames: frames).problems == []
    for batch in layer.batches():
        for row, index in enumerate(batch.indices):
            labels = batch.labels[row, : batch.label_lengths[row]]
            assert layer.vocabulary.decode(labels) == layer.utterances[index].transcript


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"autoregressive": True}, "autoregressive: found True, for attention models"),
        ({"num_bucket": 3}, "Did you mean num_buckets"),
        ({"min_duration": 3.0, "max_duration": 2.0}, "min_duration: found 3"),
        ({"augmentation": {"n_time_masks": 1}}, "n_time_mask"),
        ({"max_batch_duration": 0.3}, "max_batch_duration"),
    ],
)
def test_wrong_parameters(params, change, message):
    with pytest.raises(InputError, match=message):
        make(params | change).batches()


def test_parameters_of_old_configs_are_accepted(params):
    params |= {"batch_size": 7, "mode": "train", "repeat": True, "interactive": False}
    params |= {"dtype": "float16", "precompute_mel_basis": True, "autoregressive": False}
    batch = next(make(params, batch_size=4).batches())
    assert batch.features.shape[0] == 4
    assert batch.features.dtype == np.float32


def test_only_training_can_shuffle(params):
    with pytest.raises(InputError, match="shuffle: found True in eval"):
        make(params | {"shuffle": True}, "eval")
    first = [batch.indices.tolist() for batch in make(params | {"shuffle": False}).batches(0)]
    second = [batch.indices.tolist() for batch in make(params | {"shuffle": False}).batches(1)]
    assert first == second
    assert first == [batch.indices.tolist() for batch in make(params, "eval").batches(0)]


def test_parsed_parameters_can_be_given_again(params):
    params["features_mean"] = [0.0] * 16
    layer = make(params)
    assert_equal_batches(layer.batches(), make(layer.params).batches())


def test_augmentation_outside_training_is_said(params):
    params["augmentation"] = AUGMENTATION
    assert any("eval" in note for note in make(params, "eval").notes)
    assert not any("augmentation" in note for note in make(params).notes)
