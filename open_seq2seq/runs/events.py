"""TensorBoard events of a run: where they are, what they are called, and how they are read.

Evaluations are in a folder of their own below that of training, under the same tags, as those of
TensorFlow's Estimator: TensorBoard takes the two for two runs, with `loss` of both in one chart.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

TRAIN, EVAL = ".", "eval"
FILES = "events.out.tfevents*"

# Tags of earlier versions, which wrote all into one file; others are as now.
_OLD_TAGS = {
    (TRAIN, "loss"): "train_loss",
    (EVAL, "loss"): "eval_loss",
    (EVAL, "wer"): "eval_WER",
    (EVAL, "cer"): "eval_CER",
    (EVAL, "perplexity"): "eval_perplexity",
}
# Where events may be in a folder of checkpoints; the last two are Keras's.
_PARTS = (TRAIN, EVAL, "train", "validation")

Points = list[tuple[int, float]]


def has_events(folder: Path) -> bool:
    """Whether there are TensorBoard events of any program in a log directory."""
    return any(any((folder / part).glob(FILES)) for part in _PARTS)


def read_events(folder: Path, tags: Sequence[str], part: str = TRAIN) -> dict[str, Points]:
    """(step, value) pairs of scalars in the TensorBoard events of a run, by tag.

    A tag that is not there has none: without TensorFlow a run writes no events.

    Args:
      folder: the log directory, also of a run of an earlier version.
      tags: such as "loss", "learning_rate"; of evaluations "loss", "wer".
      part: `TRAIN` or `EVAL`.
    """
    where = folder if has_events(folder) else folder / "logs"
    old_tags = [_OLD_TAGS.get((part, tag), tag) for tag in tags]
    old = _read(where, [*old_tags, *tags])
    new = old if part == TRAIN else _read(where / part, tags)
    found = {}
    for tag, old_tag in zip(tags, old_tags):
        # A run of an earlier version that went on with this one has both.
        first = new[tag][0][0] if new[tag] else float("inf")
        found[tag] = [point for point in old[old_tag] if point[0] < first] + new[tag]
    return found


def _read(folder: Path, tags: Sequence[str]) -> dict[str, Points]:
    if not any(folder.glob(FILES)):
        return {tag: [] for tag in tags}
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util import tensor_util

    events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    known = events.Reload().Tags()["tensors"]
    return {
        tag: [
            (event.step, float(tensor_util.make_ndarray(event.tensor_proto)))
            for event in (events.Tensors(tag) if tag in known else ())
        ]
        for tag in tags
    }
