"""Step times: the mean starts at bench_start, and what is skipped does not count."""

from open_seq2seq.training.step_timer import StepTimer


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_means_are_over_the_timed_steps():
    clock = Clock()
    timer = StepTimer(2, clock)
    for seconds in (9.0, 9.0, 1.0, 2.0, 3.0):
        clock.now += seconds
        timer.end_step(10.0)
        clock.now += 100.0  # an evaluation
        timer.skip()
    assert "2.000 s, 5 seconds of audio per second (over 3 steps" in timer.summary()
    assert timer.interval_text() == "0:00:04.800"
    assert timer.interval_text() == "0:00:00.000"
    assert abs(timer.rate() - 50 / 24) < 1e-9


def test_too_few_steps_are_not_a_benchmark():
    timer = StepTimer(10, Clock())
    timer.end_step(1.0)
    assert timer.summary() is None
