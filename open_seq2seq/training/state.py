"""Everything of a training that a checkpoint holds, and how training goes on from one."""

from __future__ import annotations

import logging
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np

from open_seq2seq.checkpoints.storage import METADATA, read_training_state
from open_seq2seq.checkpoints.variables import restore, restore_average, snapshot
from open_seq2seq.distributed.process_group import ALONE, ProcessGroup
from open_seq2seq.distributed.shards import own_state
from open_seq2seq.experiment import Experiment, check_compatibility, model_metadata, training_data
from open_seq2seq.files import JsonObject
from open_seq2seq.optimizers.weight_average import WeightAverage
from open_seq2seq.training.loss_scale import LossScaling
from open_seq2seq.training.progress import Progress, data_identity, is_old_digest
from open_seq2seq.training.training_cost import TrainingCost

_log = logging.getLogger(__name__)


class TrainingState:
    """Where a training is: its variables, position, cost and loss scale.

    Args:
      experiment: model, training data and parameters.
      optimizer: built for the variables that are trained.
      average: the averages of these, or None.
      scaling: the loss scale.
      group: those that train together; each has a state, the first one's is saved.

    Attributes:
      progress: steps, epochs and batches done.
      cost: what training has cost.
      last_step: where it ends.
      batches_per_epoch: of each worker.
    """

    def __init__(
        self,
        experiment: Experiment,
        optimizer: keras.Optimizer,
        average: WeightAverage | None,
        scaling: LossScaling,
        group: ProcessGroup = ALONE,
    ):
        self.experiment, self.group = experiment, group
        self.optimizer, self.average, self.scaling = optimizer, average, scaling
        params = experiment.params
        self.batches_per_epoch = experiment.data.batches_per_epoch
        # The last step of a run of so many epochs may have fewer batches than the others.
        self._last_batch = (params["num_epochs"] or 0) * self.batches_per_epoch
        self.last_step = params["max_steps"] or -(-self._last_batch // params["iter_size"])
        self.progress = Progress(data=self._identity())
        self.cost = TrainingCost()
        self._after_last_step = (0, 0)  # epoch and position

    @property
    def epochs(self) -> float:
        """Passes over the data so far, with a fraction."""
        return self.progress.epoch + self.progress.position / self.batches_per_epoch

    @property
    def is_finished(self) -> bool:
        """Whether the last step is done."""
        return self.progress.step >= self.last_step

    def completes_step(self, batches: int) -> bool:
        """Whether the next batch, the one of number `batches` of its step, is the step's last."""
        progress = self.progress
        done = progress.epoch * self.batches_per_epoch + progress.position + 1
        ends = done == self._last_batch and progress.step + 1 == self.last_step
        return ends or batches == self.experiment.params["iter_size"]

    def keep_position(self) -> None:
        """A step ends here: where training goes on if an error ends the next one."""
        self._after_last_step = (self.progress.epoch, self.progress.position)

    def return_to_last_step(self) -> None:
        """The position that was kept last; what of the variables is ahead of it stays so."""
        self.progress.epoch, self.progress.position = self._after_last_step

    # --- checkpoints

    def contents(self) -> JsonObject:
        """What `state.json` of a checkpoint of this moment holds."""
        return {
            "step": self.progress.step,
            "progress": asdict(self.progress),
            "effort": self.cost.state(),
            "loss_scaling": self.scaling.state(),
            METADATA: model_metadata(self.experiment),
            "training_data": training_data(self.experiment),
            "dtype": str(self.experiment.params["dtype"]),
        }

    def arrays(self) -> dict[str, dict[str, np.ndarray]]:
        """Copies of what the checkpoint's other files hold, by file."""
        return snapshot(self.experiment.model, self.optimizer, self.average)

    def resume(self, path: Path) -> None:
        """Goes on from a checkpoint, exactly where it was written.

        Only the first worker reads it; the others get its variables by `share_variables`.

        Raises:
          InputError: it cannot be read, or is of a model with other symbols, features or
            variables.
        """
        state = self.group.run_on_rank_zero(lambda: self._restore(path))
        self.scaling.restore(state.get("loss_scaling"))
        identity = self.progress.data
        self.progress = Progress.of(state["progress"])
        if is_old_digest(self.progress.data):
            identity = self._identity(self.progress.data)
        self.cost.restore(state.get("effort"), self.progress.step)
        changes, fits = self.progress.changes(identity), self.progress.fits(identity)
        self.progress.data = identity
        if changes:
            listed = "".join(f"\n    {change}" for change in changes)
            _log.warning(f"the training data is not what it was:{listed}")
        if not fits:
            _log.info("The current epoch starts again from its first batch.")
            self._start_epoch_again()
        self.last_step -= self.progress.ahead

    def _identity(self, then: JsonObject | None = None) -> JsonObject:
        """`data_identity`, found by one worker for all."""
        data, params = self.experiment.data, self.experiment.params
        size = self.group.size * self.experiment.devices
        return self.group.run_on_rank_zero(lambda: data_identity(data, params, size, then))

    def _start_epoch_again(self) -> None:
        params = self.experiment.params
        self.progress.position = 0
        if params["num_epochs"]:
            left = self._last_batch - self.progress.epoch * self.batches_per_epoch
            last = self.progress.step + -(-left // params["iter_size"])
            self.progress.ahead = self.last_step - last

    def _restore(self, path: Path) -> JsonObject:
        state = read_training_state(path)
        check_compatibility(state[METADATA], self.experiment, path)
        restore(path, self.experiment.model, self.optimizer)
        if self.average and not restore_average(path, self.average):
            _log.info(f"{path} has no averaged weights: the average starts from its weights.")
            self.average.start()
        return state

    def share_variables(self) -> None:
        """Gives all workers the variables of the first one, but random numbers of their own."""
        if self.group.size == 1:
            return
        variables = self.experiment.model.variables
        averages = self.average.averages if self.average else []
        self.group.broadcast_variables([*variables, *self.optimizer.variables, *averages])
        for variable in variables:
            if "seed_generator_state" in variable.path:
                variable.assign(own_state(np.asarray(variable.value), self.group.rank))
