"""TensorBoard events of this version and of earlier ones."""

import tensorflow as tf

from open_seq2seq.runs.events import has_events, read_events


def write(folder, tag, points):
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default():
        for step, value in points:
            tf.summary.scalar(tag, value, step=step)
    writer.close()


def test_events_of_earlier_versions_stay_readable(tmp_path):
    assert read_events(tmp_path, ("loss",)) == {"loss": []} and not has_events(tmp_path)
    write(tmp_path, "train_loss", [(5, 3.0), (10, 2.0), (15, 1.5)])
    write(tmp_path, "learning_rate", [(5, 0.5)])
    write(tmp_path, "eval_WER", [(5, 0.25)])
    assert has_events(tmp_path)
    found = read_events(tmp_path, ("loss", "learning_rate", "nothing"))
    assert found["loss"] == [(5, 3.0), (10, 2.0), (15, 1.5)]
    assert found["learning_rate"] == [(5, 0.5)] and found["nothing"] == []
    assert read_events(tmp_path, ("wer", "loss"), "eval") == {"wer": [(5, 0.25)], "loss": []}

    # It went on from step 10 with this version; what came after is not drawn twice.
    write(tmp_path, "loss", [(15, 1.25), (20, 1.0)])
    assert read_events(tmp_path, ("loss",))["loss"] == [(5, 3.0), (10, 2.0), (15, 1.25), (20, 1.0)]


def test_events_below_logs(tmp_path):
    write(tmp_path / "logs/eval", "loss", [(5, 3.0)])
    assert read_events(tmp_path, ("loss",), "eval")["loss"] == [(5, 3.0)]
