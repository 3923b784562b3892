"""From a config and the command line to data, model and log directory."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import keras
import numpy as np

from open_seq2seq.checkpoints import metadata
from open_seq2seq.config.effective import merged_params
from open_seq2seq.config.loading import Config
from open_seq2seq.config.overrides import Override
from open_seq2seq.config.schema import Params
from open_seq2seq.data.manifest import Utterance
from open_seq2seq.data.paths import config_path
from open_seq2seq.data.protocols import DataLayer, SpeechDataLayer
from open_seq2seq.data.text_line import TextLine
from open_seq2seq.decoders.beam_search import with_scorer_defaults
from open_seq2seq.distributed.devices import copies, has_accelerator, make_strategy
from open_seq2seq.distributed.process_group import ALONE, ProcessGroup
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.files import JsonObject
from open_seq2seq.models import Model
from open_seq2seq.models.precision import AUTO, dtype_policy, measured_dtype
from open_seq2seq.models.product_times import product_times

_log = logging.getLogger(__name__)


def effective_params(
    config: Config, overrides: Sequence[Override], mode: str, flags: Sequence[str] = ()
) -> dict[str, Any]:
    """The parameters of one mode (not train_eval), merged but not filled with defaults.

    Where the language model is a scorer package of DeepSpeech, alpha, beta and lm_scoring that are
    not given are the package's, except in training, which does not decode.

    Args:
      flags: names of the command line that are no parameters, for suggestions.

    Raises:
      InputError: listing all that is wrong with the config or the overrides.
    """
    params = merged_params(config, overrides, mode, flags)
    return params if mode == "train" else _with_scorer(params)


def _with_scorer(params: dict[str, Any]) -> dict[str, Any]:
    """What a DeepSpeech scorer package as the language model says, where the user says nothing."""
    given = params.get("decoder_params") or {}
    if not given.get("use_language_model") or not given.get("lm_path"):
        return params
    filled = with_scorer_defaults(given, config_path(given["lm_path"]))
    own = [name for name in filled if name not in given]
    if not own:
        return params
    values = ", ".join(f"{name} {filled[name]}" for name in own)
    _log.info(f"Of the scorer package {given['lm_path']}: {values}")
    return {**params, "decoder_params": filled}


@dataclass
class Experiment:
    """A model and the data of one mode.

    Args:
      params: checked and filled parameters.
      data: the data layer of the mode.
      model: built, with random weights.
      strategy: of the devices that have a copy of the model, None where it is on one.
      trained_on: what the weights' checkpoint says of the data of training (`training_data`).
    """

    params: dict[str, Any]
    data: DataLayer
    model: Model
    strategy: Any = None
    trained_on: dict[str, float] | None = None

    @property
    def speech_data(self) -> SpeechDataLayer:
        """`data`, of a model that takes speech.

        Raises:
          InputError: the model is one of language.
        """
        if self.model.task != "speech":
            problem = Problem("base_model", type(self.model).__name__, "a speech model")
            raise InputError("Only a speech model has recordings:", [problem])
        return cast(SpeechDataLayer, self.data)

    @property
    def devices(self) -> int:
        """How many train together in this process."""
        return self.strategy.num_replicas_in_sync if self.strategy is not None else 1

    @property
    def frame_shift(self) -> float:
        """Seconds from one logit frame to the next."""
        stride = self.params["data_layer_params"]["window_stride"]
        return float(stride * self.model.encoder.time_stride)


def make_data_layer(
    params: Params,
    mode: str,
    utterances: Sequence[Utterance | TextLine] | None = None,
    group: ProcessGroup = ALONE,
    devices: int = 1,
) -> Any:
    """The data layer of `mode` ("train", "eval" or "infer"): a `DataLayer` of the model's task.

    Args:
      params: checked and filled parameters.
      utterances: recordings to use instead of the data layer's `dataset_files`.
      group: those that share the data.
      devices: those of each worker, which share its batches in training.
    """
    batch_size = params["batch_size_per_gpu"]
    if mode != "train":
        batch_size = params["eval_batch_size_per_gpu"] or batch_size
    # The first worker may make files that the others read: a vocabulary of the text.
    return group.rank_zero_first(
        lambda: params["data_layer"](
            params["data_layer_params"],
            mode=mode,
            batch_size=batch_size,
            seed=params["random_seed"],
            rank=group.rank,
            world_size=group.size,
            devices=devices,
            utterances=utterances,
        )
    )


def make_experiment(
    params: Params,
    base_model: Any,
    mode: str,
    utterances: Sequence[Utterance | TextLine] | None = None,
    group: ProcessGroup = ALONE,
    devices: Sequence[str] = (),
) -> Experiment:
    """Makes the data layer and the model; training draws all its numbers from `random_seed`.

    Args:
      params: checked parameters, as `effective_params` returns them.
      base_model: the config's model class.
      mode: "train", "eval" or "infer".
      utterances, group: as in `make_data_layer`.
      devices: those of this process, if several train together.
    """
    filled = base_model.PARAMS.fill(params)
    if mode == "train":
        keras.utils.set_random_seed(filled["random_seed"])
    data = make_data_layer(filled, mode, utterances, group, max(len(devices), 1))
    strategy = make_strategy(devices)

    def make(policy: str) -> Model:
        with copies(strategy):
            model: Model = base_model.for_data(filled, data, policy)
        return model

    model, dtype, note = _in_its_arithmetic(make, filled, mode, group)
    if note:
        _log.log(logging.INFO if mode == "train" else logging.DEBUG, note)
    filled = {**filled, "dtype": dtype}
    return Experiment(filled, data, model, strategy)


def _in_its_arithmetic(
    make: Callable[[str], Model], params: Params, mode: str, group: ProcessGroup
) -> tuple[Model, str, str | None]:
    """The model by the Keras policy that `dtype` means here.

    Returns: it; its `dtype`, another one than was given where that was "auto"; and what the user
      should be told, or None.
    """
    dtype: str = params["dtype"]
    policy, note = dtype_policy(dtype, has_accelerator())
    model = make(policy)
    if has_accelerator() or not (mode == "train" or dtype == AUTO):
        return model, dtype, note

    def decide() -> tuple[str, str | None]:
        if policy != "mixed_bfloat16":
            return ("float32" if dtype == AUTO else dtype), note
        variables = model.trainable_variables  # the shapes of its products
        return measured_dtype(dtype, lambda: product_times(variables))

    # Of workers on several kinds of machines the first one decides.
    dtype, note = group.run_on_rank_zero(decide)
    now, _ = dtype_policy(dtype, has_accelerator())
    if now != policy:
        keras.utils.set_random_seed(params["random_seed"])
        model = make(now)
    return model, dtype, note


def describe_model(model: Model) -> tuple[str, int]:
    """The trainable variables with shapes and dtypes, a line each, and their total."""
    variables = model.trainable_variables
    width = max(len(v.path) for v in variables)
    lines = [f"{v.path:{width}}  {tuple(v.shape)}, {v.dtype}" for v in variables]
    return "\n".join(lines), sum(int(np.prod(v.shape)) for v in variables)


def training_data(experiment: Experiment) -> dict[str, float] | None:
    """What a checkpoint keeps of the data it was trained on, None for text.

    Returns: "longest" and "mean", of the recordings in seconds: a recogniser takes nothing that
      is much longer in one piece.
    """
    if experiment.model.task != "speech":
        return None
    seconds = np.array(experiment.speech_data.seconds)
    return {"longest": float(np.nanmax(seconds)), "mean": float(np.nanmean(seconds))}


def model_metadata(experiment: Experiment) -> JsonObject:
    """The symbols and features that whoever uses a checkpoint must have too."""
    data = experiment.data
    return metadata.make_metadata(data.vocabulary.symbols, data.fingerprint())


def check_compatibility(stored: JsonObject, experiment: Experiment, checkpoint: str | Path) -> None:
    """Compares a checkpoint's vocabulary and front-end with the experiment's.

    Raises:
      InputError: listing what differs.
    """
    data = experiment.data
    metadata.check_compatibility(
        stored, data.vocabulary.symbols, data.fingerprint_problems, checkpoint
    )
