"""The compiled step of an experiment, with its optimizer and its averages."""

from __future__ import annotations

from typing import Any, NamedTuple

from open_seq2seq.distributed.devices import copies
from open_seq2seq.distributed.process_group import Reducer
from open_seq2seq.experiment import Experiment
from open_seq2seq.features.device_features import DeviceFeatures
from open_seq2seq.optimizers import make_optimizer
from open_seq2seq.optimizers.weight_average import WeightAverage
from open_seq2seq.training.freezing import trainable_variables
from open_seq2seq.training.loss_scale import LossScaling
from open_seq2seq.training.step import StepOptions, TrainStep


class StepParts(NamedTuple):
    """What a step changes besides the model.

    Args:
      step: a `TrainStep` or `MirroredTrainStep`.
      optimizer: built for the variables that are trained.
      average: the averages of these, None without `ema_decay`.
    """

    step: Any
    optimizer: Any
    average: WeightAverage | None


def make_train_step(
    experiment: Experiment, scaling: LossScaling, reducer: Reducer | None, jit: bool = False
) -> StepParts:
    """The step that an experiment's parameters ask for, on the model's devices.

    Args:
      scaling: the loss scale.
      reducer: of the processes that train together, None where there is one.
      jit: compile with XLA, whatever `use_xla_jit` says.
    """
    params, strategy, model = experiment.params, experiment.strategy, experiment.model
    variables = trainable_variables(model, params["freeze_variables_regex"])
    decay, options = params["ema_decay"], _options(params, scaling, jit)
    with copies(strategy):
        optimizer = make_optimizer(params["optimizer"], params["optimizer_params"])
        average = None if decay is None else WeightAverage(variables, decay)
    parts = model, optimizer, variables, options, average
    features = None
    if params["data_layer_params"].get("features_on_device"):
        features = DeviceFeatures(experiment.speech_data.extractor)
    if strategy is None:
        return StepParts(TrainStep(*parts, reducer, features), optimizer, average)
    from open_seq2seq.training.step.mirrored_step import MirroredTrainStep

    return StepParts(MirroredTrainStep(*parts, strategy, features), optimizer, average)


def _options(params: dict[str, Any], scaling: LossScaling, jit: bool) -> StepOptions:
    return StepOptions(
        max_grad_norm=params["max_grad_norm"],
        larc=params["larc_params"],
        iter_size=params["iter_size"],
        scales_loss=scaling.scales,
        measures_maximum=scaling.needs_maximum,
        keep_gradients=bool({"gradients", "gradient_norm"} & set(params["summaries"])),
        jit=jit or params["use_xla_jit"],
        compress=params["gradient_compression"] is not None,
        sync_batch_norm=params["batch_norm_statistics"] == "synchronised",
    )
