"""Wall time and data of a training, over sessions and checkpoints."""

import json

from open_seq2seq.training.training_cost import TrainingCost


def test_time_and_data_add_up_over_sessions():
    time = [100.0]
    first = TrainingCost(lambda: time[0])
    assert first.seconds == 0
    first.start()
    time[0] += 5
    with first.evaluating():
        time[0] += 2
    first.units += 30
    checkpoint = json.loads(json.dumps(first.state()))
    time[0] += 100  # lost: it goes on from the checkpoint

    again = TrainingCost(lambda: time[0])
    again.restore(checkpoint, step=9)
    time[0] += 50  # between sessions nothing counts
    again.start()
    time[0] += 3
    again.units += 10
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
    cost = TrainingCost()
    cost.restore(None, step=70)
    assert cost.counted_from == 70
