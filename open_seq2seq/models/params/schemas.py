"""The schemas of the models: all their parameters, and what is wrong between them."""

from __future__ import annotations

from collections.abc import Iterable

from open_seq2seq.config.schema import Param, Params, Schema, closest_name
from open_seq2seq.data import DATA_LAYERS, LM_DATA_LAYERS
from open_seq2seq.decoders import DECODERS
from open_seq2seq.encoders import ENCODERS, LM_ENCODERS
from open_seq2seq.errors import Problem
from open_seq2seq.losses import LM_LOSSES, LOSSES
from open_seq2seq.models.intermediate import intermediate_problems
from open_seq2seq.models.look_ahead import look_ahead_problems
from open_seq2seq.models.params.components import component
from open_seq2seq.models.params.devices import DEVICES
from open_seq2seq.models.params.old_configs import HOOKS, OF_OLD_CONFIGS
from open_seq2seq.models.params.optimization import OPTIMIZATION
from open_seq2seq.models.params.results import result_params
from open_seq2seq.models.params.schedule import schedule_params
from open_seq2seq.models.segmentation_params import SEGMENTATION
from open_seq2seq.optimizers import LOSS_SCALERS


def _check(values: Params, where: str) -> Iterable[Problem]:
    """What is wrong between the model's parameters."""
    samples, losses = values.get("print_samples_steps"), values.get("print_loss_steps")
    if samples and losses and samples % losses:
        remedy = f"Set print_samples_steps to {-(-samples // losses) * losses}."
        expected = f"a multiple of print_loss_steps {losses}"
        yield Problem("print_samples_steps", str(samples), expected, remedy)
    if values.get("larc_params") is not None and values.get("max_grad_norm") is not None:
        remedy = "Set max_grad_norm to None, or set larc_params to None."
        yield Problem("larc_params, max_grad_norm", "both", "at most one of them", remedy)
    scaling = values.get("loss_scaling")
    if isinstance(scaling, str) and scaling not in LOSS_SCALERS:
        match = closest_name(scaling, LOSS_SCALERS)
        expected = f"a number or one of {', '.join(LOSS_SCALERS)}"
        remedy = f"Did you mean {match}?" if match else "Set loss_scaling to 'Backoff'."
        yield Problem("loss_scaling", repr(scaling), expected, remedy)
    if values.get("hooks"):
        remedy = "Set hooks to []: TensorFlow 1 session hooks have no place to hook into."
        yield Problem("hooks", repr(values["hooks"]), "an empty list", remedy)


def _check_speech(values: Params, where: str) -> Iterable[Problem]:
    """`_check`, and what is wrong between encoder, data layer and loss."""
    yield from _check(values, where)
    yield from intermediate_problems(values)
    yield from look_ahead_problems(values)


def _training_params(rows: str, metrics: tuple[str, ...]) -> list[Param]:
    """What every model has.

    Args:
      rows: what a batch consists of.
      metrics: what may make a checkpoint the best, the default first.
    """
    return [
        Param("logdir", str, "The folder of logs, checkpoints and results of this experiment."),
        *schedule_params(rows),
        *OPTIMIZATION,
        *result_params(metrics),
        *DEVICES,
        HOOKS,
    ]


SPEECH2TEXT = Schema(
    "Speech2Text",
    [
        *component("encoder", "Turns features into hidden channels.", names=ENCODERS),
        *component("decoder", "Turns channels into symbols.", names=DECODERS),
        *component("loss", "What training minimises.", LOSSES["CTCLoss"], LOSSES),
        *component("data_layer", "Reads recordings and texts.", names=DATA_LAYERS),
        *_training_params("Utterances", ("wer", "loss")),
        Param(
            "max_damaged_share",
            float,
            "Recordings that cannot be read when their turn comes are left out of training and of "
            "the evaluations during it, and listed in left_out_training.txt and "
            "left_out_evaluation.txt, up to this share of all, rounded up; with more the run ends.",
            0.05,
            minimum=0,
            maximum=1,
        ),
        Param(
            "segmentation",
            dict,
            "How inference cuts recordings that are longer than those of training.",
            {},
            schema=SEGMENTATION,
        ),
        *OF_OLD_CONFIGS,
    ],
    check=_check_speech,
    summary="An encoder, a CTC decoder and a loss over a speech data layer.",
)

LANGUAGE_MODEL = Schema(
    "NeuralLanguageModel",
    [
        *component("encoder", "Turns embedded tokens into hidden channels.", names=LM_ENCODERS),
        *component("loss", "What training minimises.", LM_LOSSES["CrossEntropyLoss"], LM_LOSSES),
        *component("data_layer", "Reads text.", names=LM_DATA_LAYERS),
        *_training_params("Lines", ("loss",)),
    ],
    check=_check,
    summary="An encoder between an embedding and its transpose, over a text data layer.",
)
