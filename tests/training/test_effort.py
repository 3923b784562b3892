"""Wall time and data of a training, over sittings and checkpoints."""

import json

from open_seq2seq.training.effort import Effort


def test_time_and_data_add_up_over_sittings():
    time = [100.0]
    first = Effort(lambda: time[0])
    assert first.seconds == 0
    first.start()
    time[0] += 5
    with first.evaluating():
        time[0] += 2
    first.amount += 30
    checkpoint = json.loads(json.dumps(first.state()))
    time[0] += 100  # lost: it goes on from the checkpoint

    again = Effort(lambda: time[0])
    again.restore(checkpoint, step=9)
    time[0] += 50  # between sittings nothing counts
    again.start()
    time[0] += 3
    again.amount += 10
    again.stop()
    time[0] += 50
    assert again.state() == {
        "seconds": 10.0,
        "evaluation_seconds": 2.0,
        "amount": 40.0,
        "sittings": 2,
        "counted_from": 0,
    }


def test_a_checkpoint_without_a_record_is_said():
    effort = Effort()
    effort.restore(None, step=70)
    assert effort.counted_from == 70
