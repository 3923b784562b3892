"""The way from recordings to transcripts: order, batches, errors, memory, threads."""

import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from open_seq2seq.decode_result import DecodeResult
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.inference import ahead, transcriber
from open_seq2seq.inference.ahead import load_ahead
from open_seq2seq.inference.batched_network import BatchedNetwork, padded_length
from open_seq2seq.inference.transcriber import Transcriber

LENGTHS = [5, 900, 17, 64, 65, 3, 200, 201, 8, 77, 1, 450]


def features(row):
    """`[time, 2]`: the row's number in each frame, and the frame's."""
    length = LENGTHS[row % len(LENGTHS)]
    return np.stack([np.full(length, row), np.arange(length)], axis=1).astype(np.float32)


class Network:
    """Every second frame, as it is; notes the shapes of its batches."""

    def __init__(self):
        self.shapes = []

    def logits(self, batch):
        self.shapes.append(batch.features.shape)
        assert (batch.features.shape[1] >= batch.feature_lengths).all()
        return batch.features[:, ::2], -(-batch.feature_lengths // 2)

    def logits_and_losses(self, batch):
        """The loss: the sum of the labels and the row's number, which belong together."""
        inside = np.arange(batch.labels.shape[1]) < batch.label_lengths[:, None]
        losses = (batch.labels * inside).sum(axis=1) + batch.features[:, 0, 0]
        return *self.logits(batch), losses


def decode(logits, lengths):
    """The text says what was decoded: row and number of frames."""
    for one, length in zip(logits, lengths):
        assert (one[:length, 0] == one[0, 0]).all() and (one[length:] == 0).all()
    return [DecodeResult(f"{int(o[0, 0])} {n}", 0.0, ()) for o, n in zip(logits, lengths)]


def make(network=None, batch_size=3, most_padded_frames=None, **changes):
    batched = BatchedNetwork(network or Network(), batch_size, most_padded_frames)
    return Transcriber(
        **{"network": batched, "decode": decode, "batch_size": batch_size, "threads": 3, **changes}
    )


def expected(row):
    return f"{row} {-(-LENGTHS[row % len(LENGTHS)] // 2)}"


@pytest.fixture(autouse=True)
def no_threads_left():
    yield
    assert not [one for one in threading.enumerate() if one.name.startswith("loader")]


@pytest.mark.parametrize("batch_size", [1, 3, 100])
@pytest.mark.parametrize("threads", [1, 4])
def test_results_come_in_order_whatever_the_batches(batch_size, threads):
    rows = [7, 0, *range(20, 60), 3]
    made = make(batch_size=batch_size, threads=threads)
    found = list(made.transcribe(features, rows))
    assert [one.index for one in found] == rows
    assert [one.result.text for one in found] == [expected(row) for row in rows]
    assert all(one.logits is None and one.error is None for one in found)
    assert max(shape[0] for shape in made.network.forward.shapes) <= batch_size


def test_logits_are_cut_to_the_recordings_length():
    found = list(make().transcribe(features, range(12), keep_logits=True, decodes=False))
    for one in found:
        np.testing.assert_array_equal(one.logits, features(one.index)[::2])
        assert one.result is None


def test_losses_are_of_each_recordings_own_labels():
    def load(row):
        if row == 4:
            raise InputError("Cannot read audio:", [Problem("4.wav", "noise", "speech")])
        return features(row)

    rows = [7, 4, *range(10, 30)]
    labels = {row: np.arange(row % 5, dtype=np.int32) for row in rows}
    for one in make().transcribe(load, rows, labels=labels.__getitem__):
        if one.index == 4:
            assert one.loss is None and one.error is not None
        else:
            assert one.loss == labels[one.index].sum() + one.index
            assert one.result.text == expected(one.index)
    assert all(one.loss is None for one in make().transcribe(features, rows))


@settings(deadline=None)
@given(st.integers(1, 100_000))
def test_padded_lengths_are_few_and_near(frames):
    padded = padded_length(frames)
    assert frames <= padded < frames + max(16, frames / 8 + 1) and padded % 16 == 0
    assert padded_length(padded) == padded
    assert len({padded_length(n) for n in range(frames, 2 * frames)}) <= 9


def test_an_error_is_the_recordings_own():
    def load(row):
        if row % 5 == 2:
            raise InputError("Cannot read audio:", [Problem(f"{row}.wav", "noise", "speech")])
        return features(row)

    found = list(make().transcribe(load, range(40)))
    assert [one.index for one in found if one.error] == list(range(2, 40, 5))
    assert found[2].error.problems[0].where == "2.wav"
    assert [one.result.text for one in found if not one.error] == [
        expected(row) for row in range(40) if row % 5 != 2
    ]
    assert [one.result for one in make().transcribe(load, [2, 7])] == [None, None]
    assert list(make().transcribe(load, [])) == []


def test_another_error_ends_it():
    def load(row):
        raise ZeroDivisionError("by zero")

    with pytest.raises(ZeroDivisionError):
        list(make().transcribe(load, range(4)))


def test_results_are_there_before_the_last_recording_is_loaded():
    loaded = []

    def load(row):
        loaded.append(row)
        return features(row)

    results = make(batch_size=2, threads=2).transcribe(load, range(1000))
    assert next(results).result.text == expected(0)
    assert len(loaded) < 40
    results.close()


def test_a_batch_has_no_more_frames_than_said():
    made = make(batch_size=8, most_padded_frames=1024)
    list(made.transcribe(features, range(48)))
    assert max(shape[0] * shape[1] for shape in made.network.forward.shapes) <= 1024
    assert max(shape[0] for shape in made.network.forward.shapes) == 8


def test_long_recordings_are_few_at_a_time(monkeypatch):
    """While enough frames wait, only the one whose turn it is is loaded."""
    monkeypatch.setattr(transcriber, "_MOST_BYTES", 8000)
    waiting, most = [0], [0]
    lock = threading.Lock()

    def load(row):
        with lock:
            waiting[0] += 1
            most[0] = max(most[0], waiting[0])
        return np.ones((600, 2), np.float32)

    class Slow(Network):
        def logits(self, batch):
            time.sleep(0.02)
            with lock:
                waiting[0] -= len(batch.features)
            return super().logits(batch)

    made = make(network=Slow(), batch_size=8, threads=2, decode=lambda x, n: [None] * len(n))
    assert len(list(made.transcribe(load, range(30)))) == 30
    # A window of two, two that wait, one in each of two threads.
    assert most[0] <= 6


def test_no_thread_waits_for_ever_when_the_end_comes_early():
    features = np.ones((600, 2))
    most = int(1.2 * features.nbytes)
    results = load_ahead(lambda row: features, range(100), 4, most=50, most_bytes=most)
    assert next(results)[0] == 0
    results.close()


def test_room_is_given_back():
    room = ahead._Room(10)
    assert room.wait_for(0)
    room.add(12)
    done = []
    thread = threading.Thread(target=lambda: done.append(room.wait_for(5)))
    thread.start()
    assert room.wait_for(0) and not done  # its own turn
    room.take(12)
    thread.join(10)
    assert done == [True]
