"""A checkpoint's weights into a model that uses them: to evaluate, transcribe or export."""

from __future__ import annotations

from pathlib import Path

from open_seq2seq.checkpoints.logdir import LogDir, checkpoint_to_use
from open_seq2seq.checkpoints.storage import read_metadata, read_training_data
from open_seq2seq.checkpoints.variables import restore, restore_averaged_weights
from open_seq2seq.experiment import Experiment, check_compatibility


def load_trained_weights(
    experiment: Experiment, checkpoint: str | Path | None, enable_logs: bool = False
) -> None:
    """Puts weights into the model: of a checkpoint, or the log directory's newest or best.

    Raises:
      InputError: there is none, or it does not fit.
    """
    if checkpoint is None:
        logdir = LogDir(Path(experiment.params["logdir"]), enable_logs)
        checkpoint = checkpoint_to_use(logdir, experiment.params["restore_best_checkpoint"])
    load_weights(experiment, Path(checkpoint))


def load_weights(experiment: Experiment, checkpoint: Path) -> bool:
    """Puts a checkpoint's weights into the model, if symbols and features agree with it.

    Returns: whether they are averaged weights: those of `use_ema`, where the checkpoint has any.
    """
    metadata = read_metadata(checkpoint)
    experiment.data.restore_statistics(metadata["features"])
    check_compatibility(metadata, experiment, checkpoint)
    restore(checkpoint, experiment.model)
    experiment.trained_on = read_training_data(checkpoint)
    if not experiment.params["use_ema"]:
        return False
    return restore_averaged_weights(checkpoint, experiment.model)
