"""The clocks around an epoch, with a clock that only moves when told."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from benchmarks import epoch_stages
from benchmarks.epoch_stages import ASSEMBLY, EpochWatch, StageClock, loader_clock
from open_seq2seq.data import Speech2TextDataLayer
from open_seq2seq.data.manifest import Utterance


class Clock:
    now = 0.0

    def __call__(self):
        return self.now

    def work(self, seconds):
        self.now += seconds


def test_a_stage_within_another_one_has_its_own_time():
    time = Clock()
    clock = StageClock(time)
    inner = clock.timed("inner", time.work)
    with clock.stage("outer"):
        time.work(1)
        inner(2)
        with clock.stage("outer"):
            time.work(4)
            inner(8)
    assert clock.seconds == {"outer": 5, "inner": 10}


def test_threads_have_stages_of_their_own():
    clock = StageClock(Clock())
    within = threading.Event()

    def other():
        with clock.stage("other"):
            within.set()

    with clock.stage("outer"):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert within.is_set()
    assert set(clock.seconds) == {"outer", "other"}


def test_a_failing_stage_ends():
    time = Clock()
    clock = StageClock(time)
    with pytest.raises(ValueError), clock.stage("fails"):
        time.work(1)
        raise ValueError
    with clock.stage("next"):
        time.work(2)
    assert clock.seconds == {"fails": 1, "next": 2}


@pytest.fixture
def time(monkeypatch):
    """Wall time stands in for processor time too."""
    clock = Clock()
    replaced = SimpleNamespace(perf_counter=clock, process_time=clock, thread_time=clock)
    monkeypatch.setattr(epoch_stages, "time", replaced)
    return clock


def make_trainer(time, epochs, stops_after):
    """Loads a batch in 1 s and begins and ends an epoch in 10 s; a step takes 5 s."""

    def batches(epoch, start):
        time.work(6)
        return load()

    def load():
        try:
            for rows in (4, 4, 2):
                time.work(1)
                yield SimpleNamespace(features=np.zeros((rows, 8, 1)), audio_seconds=rows * 1.0)
        finally:
            time.work(4)

    def step(batch, rate):
        time.work(5)
        return SimpleNamespace(gradient_norm=0.0)

    trainer = SimpleNamespace(data=SimpleNamespace(batches=batches), step=step)
    trainer.save = lambda: time.work(100)

    def run():
        done = 0
        for epoch in range(epochs):
            running = trainer.data.batches(epoch, 0)
            for batch in running:
                trainer.step(batch, 0.1)
                time.work(0.5)
                done += 1
                if done == stops_after:
                    running.close()
                    break
        trainer.save()

    trainer.run = run
    return trainer


def test_every_second_of_an_epoch_is_some_batchs(time):
    trainer = make_trainer(time, epochs=2, stops_after=5)
    watch = EpochWatch(trainer, keep_every=2)
    with watch.watching():
        trainer.run()
    assert [one.epoch for one in watch.taken] == [0, 0, 0, 1, 1]
    assert [one.shape for one in watch.taken] == [(4, 8), (4, 8), (2, 8), (4, 8), (4, 8)]
    # An epoch's first batch waits 6 more, its last one 4 for the end.
    assert [one.wall for one in watch.taken] == [12.5, 6.5, 10.5, 12.5, 10.5]
    assert sum(one.audio for one in watch.taken) == 18
    # The checkpoint of the end is in no epoch.
    assert watch.parts == {"waiting for a batch": 5 + 2 * 10, "training step": 25}
    assert [number for number, _ in watch.kept] == [0, 2, 4]
    assert watch.alone() == [(5, 5)] * 3


def test_the_loaders_stages(tmp_path):
    """Every stage is found where the loader looks it up, and nothing is left replaced."""
    vocabulary = tmp_path / "vocab.txt"
    vocabulary.write_text("\n".join("abc") + "\n")
    path = str(tmp_path / "a.wav")
    soundfile.write(path, np.sin(np.arange(4000.0)), 8000)
    params = {
        "vocab_file": str(vocabulary),
        "input_type": "logfbank",
        "num_audio_features": 8,
        "sample_freq": 8000,
        "dataset_files": [],
        "augmentation": {
            "speed_perturbation_ratio": [0.9],
            "n_time_mask": 1,
        },
        "cache_features": True,
        "cache_dir": str(tmp_path / "cache"),
        "loader_workers": 2,
    }
    utterances = [Utterance(path, path, "ab", None, path)] * 4
    layer = Speech2TextDataLayer(params, mode="train", batch_size=2, utterances=utterances)
    before = Speech2TextDataLayer._load_batch
    with loader_clock() as clock:
        batches = list(layer.batches())
    assert len(batches) == 2
    assert set(clock.seconds) == {
        ASSEMBLY, "decode", "resample", "speed", "noise", "features", "masks", "cache reads",
        "cache writes",
    }  # fmt: skip
    assert all(seconds >= 0 for seconds in clock.seconds.values())
    assert Speech2TextDataLayer._load_batch is before
