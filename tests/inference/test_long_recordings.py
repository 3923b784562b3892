"""Long recordings with a network that reads symbols out of the samples: nothing doubled or lost."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from open_seq2seq.decoders.greedy import greedy_decode_numpy
from open_seq2seq.errors import InputError
from open_seq2seq.inference.batched_network import BatchedNetwork, padded_length
from open_seq2seq.inference.long_recordings import LongRecordings
from open_seq2seq.inference.transcriber import Transcriber


class Characters:
    """A vocabulary whose symbols are characters."""

    symbols = (" ", "a", "b", "c")

    def decode(self, ids):
        return "".join(self.symbols[one] for one in ids).strip()


STEP, STEP_SIZE = 160, 0.01
SYMBOLS = Characters.symbols
BLANK = len(SYMBOLS)
PARAMS = {"enabled": True, "max_duration": None, "target_duration": None, "min_pause": 0.1,
          "long_pause": 0.5, "pause_threshold": 10.0, "overlap": 0.5}  # fmt: skip
TRAINED = {"longest": 2.0, "mean": 1.0}


def frames_of(path):
    """Samples of a path of classes, a frame each: every class is a square wave of its own level."""
    levels = {one: 0.1 * (index + 1) for index, one in enumerate([*SYMBOLS, "-"])}
    wave = np.tile([1, -1], STEP // 2)
    levels |= {"_": 0.0, ".": 0.001}  # digital silence, and a noise floor
    parts = [levels[one] * wave for one in path]
    return np.concatenate(parts).astype(np.float32)


def features(samples):
    """`[time, 1]`: the level of each frame, and one frame more, as a centred window gives."""
    whole = len(samples) // STEP
    levels = np.abs(samples[: whole * STEP].reshape(whole, STEP)).mean(axis=1)
    return np.append(levels, 0.001).astype(np.float32)[:, None]


@dataclass
class Network:
    """Reads the classes back; nothing but digital silence is nonsense to it."""

    batches: list = field(default_factory=list)

    def logits(self, batch):
        self.batches.append(batch.features.shape)
        levels = batch.features[:, :, 0]
        classes = np.where(levels > 0.05, np.rint(levels * 10).astype(int) - 1, BLANK)
        classes[levels == 0] = 3
        logits = np.zeros((*classes.shape, BLANK + 1), np.float32)
        np.put_along_axis(logits, classes[:, :, None], 20, axis=2)
        return logits, batch.feature_lengths


def make(batch_size=3, params=PARAMS, trained=TRAINED):
    def decode(logits, lengths):
        return greedy_decode_numpy(logits, lengths, Characters(), STEP_SIZE)

    transcriber = Transcriber(BatchedNetwork(Network(), batch_size), decode, batch_size)
    return LongRecordings(transcriber, features, SYMBOLS, STEP, STEP_SIZE, params, trained)


def sentence(words, rng):
    """A path of CTC: each symbol some frames, blanks between."""
    path = ""
    for word in words:
        for letter in word:
            path += letter * int(rng.integers(2, 6)) + "-" * int(rng.integers(1, 6))
        path += "-  -"
    return path


def words_of(count, rng):
    return ["".join(rng.choice(list("abc"), rng.integers(1, 5))) for _ in range(count)]


def transcribe(made, samples, size=3000, **more):
    blocks = (samples[first : first + size] for first in range(0, len(samples), size))
    return made.transcribe(7, blocks, **more)


@pytest.mark.parametrize("batch_size", [1, 4, 100])
@pytest.mark.parametrize("pause", ["", "." * 15, "." * 30, "." * 80, "_" * 80])
def test_joined_is_separate(pause, batch_size):
    rng = np.random.default_rng(len(pause))
    words = [words_of(3, rng) for _ in range(20)]
    path = pause.join(sentence(some, rng) for some in words)
    made = make(batch_size)
    found = transcribe(made, frames_of(path))
    expected = " ".join(word for some in words for word in some)
    assert found.index == 7 and found.error is None and found.logits is None
    assert found.result.text == expected
    assert [word.text for word in found.result.words] == expected.split()
    # The times are those of the whole file: where each word's first letter is in the path.
    letters = "".join(" " if one in "-_. " else one for one in path)
    starts = [w.start for w in found.result.words]
    assert starts == sorted(starts) and starts[-1] > 0.8 * len(path) * STEP_SIZE
    for word in found.result.words:
        assert letters[round(word.start / STEP_SIZE)] == word.text[0]
        assert letters[round(word.end / STEP_SIZE)] == word.text[-1]
    longest = max(shape[1] for shape in made.transcriber.network.forward.batches)
    assert (
        longest <= padded_length(201)
        and max(s[0] for s in made.transcriber.network.forward.batches) <= batch_size
    )


@pytest.mark.parametrize("pause", [0, 80])
def test_logits_are_those_of_the_whole(pause):
    rng = np.random.default_rng(1)
    path = ("_" * pause).join(sentence(words_of(3, rng), rng) for _ in range(10))
    found = transcribe(make(), frames_of(path), keep_logits=True, decodes=False)
    assert found.result is None and found.logits.shape == (len(path), BLANK + 1)
    expected = [BLANK if one in "-_" else SYMBOLS.index(one) for one in path]
    np.testing.assert_array_equal(found.logits.argmax(axis=1), expected)


def test_silence_gives_an_empty_result():
    found = transcribe(make(), np.zeros(1000 * STEP, np.float32), keep_logits=True)
    assert (found.result.text, found.result.words, found.result.score) == ("", (), 0)
    assert (found.logits.argmax(axis=1) == BLANK).all()


def test_long_and_short_ones_come_in_order():
    rng = np.random.default_rng(2)
    lengths = [1, 8, 2, 1, 9, 1]
    paths = [sentence(words_of(count, rng), rng) for count in lengths]
    samples = [frames_of(path) for path in paths]
    made = make()
    found = list(
        made.among(
            range(6),
            [len(one) / STEP * STEP_SIZE for one in samples],
            lambda index: features(samples[index]),
            lambda index: iter([samples[index]]),
        )
    )
    assert [one.index for one in found] == list(range(6))
    alone = [transcribe(made, one).result.text for one in samples]
    assert [one.result.text for one in found] == alone


def test_a_recording_that_breaks_off_is_its_own_error():
    def blocks():
        yield np.zeros(4000, np.float32)
        raise InputError("cut off")

    found = make().transcribe(3, blocks())
    assert found.index == 3 and found.result is None and found.error.summary == "cut off"


def test_what_is_held_does_not_grow():
    """Of ten times as long a recording no more is asked for ahead, and no larger batches."""
    rng = np.random.default_rng(3)
    part = frames_of(sentence(words_of(8, rng), rng) + "." * 12)

    def most_ahead(count):
        made, asked, most = make(), [0], [0]

        def blocks():
            for _ in range(count):
                asked[0] += len(part)
                yield part

        heard = [0]
        logits = made.transcriber.network.forward.logits

        def noted(batch):
            heard[0] += int(batch.feature_lengths.sum()) * STEP
            most[0] = max(most[0], asked[0] - heard[0])
            return logits(batch)

        made.transcriber.network.forward.logits = noted
        found = made.transcribe(0, blocks())
        assert len(found.result.words) == 8 * count
        return most[0]

    assert most_ahead(400) <= 1.2 * most_ahead(100)


def test_what_is_said_of_long_recordings():
    made = make()
    assert made.note([1.9, 2.0]) is None
    assert "1 recording is longer than 2.0 s, the longest that the model" in made.note([1.0, 60.0])
    off = make(params={**PARAMS, "enabled": False})
    assert not off.is_long(1e6) and "taken whole" in off.note([60.0])
    assert "segmentation/max_duration" in make(trained=None).note([60.0])
