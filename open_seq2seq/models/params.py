"""The parameters of the models: what `base_params` of a config may hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from open_seq2seq.config.schema import CALLABLE, REQUIRED, Param, Params, Schema, closest_name
from open_seq2seq.data import DATA_LAYERS, LM_DATA_LAYERS
from open_seq2seq.decoders import DECODERS
from open_seq2seq.encoders import ENCODERS, LM_ENCODERS
from open_seq2seq.errors import Problem
from open_seq2seq.losses import LM_LOSSES, LOSSES
from open_seq2seq.models.intermediate import intermediate_problems
from open_seq2seq.models.precision import POLICIES
from open_seq2seq.models.segmentation_params import SEGMENTATION
from open_seq2seq.optimizers import (
    INITIALIZERS,
    LARC,
    LOSS_SCALERS,
    LR_POLICIES,
    OPTIMIZERS,
    REGULARIZERS,
)

SUMMARIES = (
    "learning_rate",
    "gradients",
    "gradient_norm",
    "global_gradient_norm",
    "variables",
    "variable_norm",
    "larc_summaries",
    "loss_scale",
)


def _params_of(param: Param) -> Any:
    """The schema of `<component>_params`, which depends on the component that is chosen."""

    def schema(siblings: Params) -> Schema | None:
        default = None if param.required else param.default
        chosen = param.named(siblings.get(param.name, default))
        own = getattr(chosen, "PARAMS", None)
        if own is not None and param.name in ("encoder", "decoder"):
            return _with_common(own)
        return own

    return schema


@cache
def _with_common(schema: Schema) -> Schema:
    """An encoder's or decoder's schema, with what the model takes out of its dictionary."""
    common = [param for param in COMPONENT_PARAMS if param.name not in schema.by_name]
    return Schema(schema.name, [*schema.params, *common], schema.check, schema.summary)


def _check(values: Mapping[str, Any], where: str) -> Iterable[Problem]:
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


def _check_speech(values: Mapping[str, Any], where: str) -> Iterable[Problem]:
    """`_check`, and what is wrong between encoder and loss."""
    yield from _check(values, where)
    yield from intermediate_problems(values)


def _scaler_params(siblings: Params) -> Schema | None:
    """The schema of `loss_scaling_params`: that of the scaler, if one is named."""
    scaler = LOSS_SCALERS.get(str(siblings.get("loss_scaling")))
    return scaler.PARAMS if scaler else None


def _without_meaning(name: str) -> Param:
    """A parameter of old configs that does nothing, and why."""
    why = "OpenSeq2Seq's speech models had no use for it."
    if "trt" in name:
        why = "TensorRT rewrote TensorFlow 1 graphs; inference runs the model as it is."
    help = "Accepted for old configs; has no meaning here."
    return Param(name, object, help, None, no_effect=why)


def _own_factory(name: str, table: Mapping[str, Any]) -> list[Param]:
    """A component's own regularizer or initializer, and its parameters."""

    def schema(siblings: Params) -> Schema | None:
        chosen = siblings.get(name)
        chosen = table.get(chosen) if isinstance(chosen, str) else chosen
        return getattr(chosen, "PARAMS", None)

    return [
        Param(name, CALLABLE, f"Its own {name} factory; None: the model's.", None, names=table),
        Param(f"{name}_params", dict, f"The parameters of the {name}.", {}, schema=schema),
    ]


_DTYPES = (*POLICIES, "tf.float32", "tf.float16")

# What the dictionary of any encoder or decoder may hold besides its own parameters.
COMPONENT_PARAMS = [
    *_own_factory("regularizer", REGULARIZERS),
    *_own_factory("initializer", INITIALIZERS),
    Param("dtype", str, "Its own arithmetic; None: the model's.", None, choices=_DTYPES),
]


def _steps(name: str, what: str) -> Param:
    return Param(name, int, f"{what} every so many steps; None or 0: never.", None, minimum=0)


def _component(name: str, help: str, default: Any = REQUIRED, **more: Any) -> list[Param]:
    """The parameter that chooses a component, and the dictionary of the component's own."""
    param = Param(name, CALLABLE, help, default, **more)
    what = f"The parameters of the {name}."
    return [param, Param(f"{name}_params", dict, what, {}, schema=_params_of(param))]


def _training_params(rows: str, metrics: tuple[str, ...]) -> list[Param]:
    """What every model has: logs, batches, steps, optimization.

    Args:
      rows: what a batch consists of.
      metrics: what may make a checkpoint the best, the default first.
    """
    return [
        Param("logdir", str, "The folder of logs, checkpoints and results of this experiment."),
        Param("batch_size_per_gpu", int, f"{rows} in a batch.", minimum=1),
        Param(
            "eval_batch_size_per_gpu",
            int,
            f"{rows} in a batch of evaluation and inference; None: as in training.",
            None,
            minimum=1,
        ),
        Param("num_epochs", int, "Passes over the training data.", None, minimum=1),
        Param("max_steps", int, "Steps of training, instead of num_epochs.", None, minimum=1),
        *_component("optimizer", "The optimizer.", "Momentum", names=OPTIMIZERS),
        *_component(
            "lr_policy", "The learning rate as a function of the step.", None, names=LR_POLICIES
        ),
        Param("max_grad_norm", float, "Clips gradients to this global norm.", None, minimum=0),
        *_component("regularizer", "A factory of a regularizer.", None, names=REGULARIZERS),
        *_component("initializer", "A factory of an initializer.", None, names=INITIALIZERS),
        Param(
            "dtype",
            str,
            "Arithmetic: float32, or mixed (bfloat16 with float32 variables, statistics and loss), "
            "or mixed_float16 (the same with float16).",
            "float32",
            choices=_DTYPES,
        ),
        Param("random_seed", int, "Seeds everything random.", 0, minimum=0),
        _steps("print_loss_steps", "Prints the training loss"),
        _steps("print_samples_steps", "Prints a transcribed training sample"),
        _steps("save_summaries_steps", "Writes TensorBoard summaries"),
        _steps("save_checkpoint_steps", "Saves a checkpoint"),
        _steps("eval_steps", "Evaluates, in mode train_eval,"),
        _steps("print_bench_info_steps", "Prints steps/s and audio seconds/s"),
        Param(
            "num_checkpoints",
            int,
            "Newest checkpoints that are kept; as many best ones.",
            5,
            minimum=1,
        ),
        Param(
            "best_checkpoint_metric",
            str,
            "What makes a checkpoint the best.",
            metrics[0],
            choices=metrics,
        ),
        Param(
            "restore_best_checkpoint", bool, "Evaluates the best checkpoint, not the newest.", False
        ),
        Param(
            "max_nonfinite_share",
            float,
            "Training stops when more than this share of the last 1000 utterances had a loss or "
            "gradient that is not finite.",
            0.05,
            minimum=0,
            maximum=1,
        ),
        Param("bench_start", int, "The first step that is timed.", 10, minimum=0),
        Param(
            "freeze_variables_regex",
            str,
            "Variables whose name it matches from the start are not trained: `encoder/conv11/`, or "
            "as OpenSeq2Seq has it, `ForwardPass/w2l_encoder/conv11/`.",
            None,
        ),
        Param(
            "summaries",
            list,
            "What TensorBoard gets besides loss, WER and speed.",
            ["learning_rate", "global_gradient_norm"],
            item=Param("", str, "", choices=SUMMARIES),
        ),
        Param(
            "use_horovod",
            bool,
            "Several processes, on one machine or many, train together: start them with mpiexec or "
            "horovodrun (docs/distributed.md). One that is started alone trains alone.",
            False,
        ),
        Param(
            "num_gpus",
            int,
            "Devices that this process trains on, each with batch_size_per_gpu utterances; fewer "
            "where the machine has fewer, which is said. No effect with several processes.",
            1,
            minimum=0,
        ),
        Param(
            "gpu_ids",
            list,
            "The GPUs to use, by number, instead of num_gpus.",
            None,
            item=Param("", int, ""),
        ),
        Param(
            "batch_norm_statistics",
            str,
            "Which utterances batch normalization takes mean and variance of while training: those "
            "of its own process and device (local), or those of all of them (synchronised).",
            "local",
            choices=("local", "synchronised"),
        ),
        Param(
            "gradient_compression",
            str,
            "How processes send gradients to each other: None: as float32; fp16: as float16, half "
            "the traffic, rounded.",
            None,
            choices=("fp16",),
        ),
        Param(
            "lr_scaling",
            str,
            "Multiplies the learning rate by the number of processes and devices (linear), or by "
            "its square root (sqrt); None: the rate is as it is given.",
            None,
            choices=("linear", "sqrt"),
        ),
        Param(
            "iter_size",
            int,
            "Batches whose gradients are averaged for one step; max_steps and all that happens "
            "every so many steps counts the steps.",
            1,
            minimum=1,
        ),
        Param("larc_params", dict, "LARC; None: off. Not with max_grad_norm.", None, schema=LARC),
        Param(
            "loss_scaling",
            (float, str),
            "Factor of the loss while gradients are computed, or how it is found: Backoff or "
            "LogMax, with dtype mixed_float16 only, as the others need none.",
            1.0,
        ),
        Param(
            "loss_scaling_params",
            dict,
            "Parameters of the loss scaler.",
            None,
            schema=_scaler_params,
        ),
        Param(
            "ema_decay",
            float,
            "Keeps an exponential moving average of the trained weights with this decay, for "
            "evaluation and inference; None: off.",
            None,
            minimum=0,
            maximum=1,
        ),
        Param("use_ema", bool, "Uses the averaged weights where there are any.", True),
        Param(
            "load_model",
            str,
            "A trained model's log directory or checkpoint, whose weights training starts from "
            "(docs/transfer.md).",
            None,
        ),
        Param(
            "use_xla_jit",
            bool,
            "Lets XLA compile what it can of the training step, on a GPU.",
            False,
        ),
        Param("hooks", list, "Accepted for old configs; must be empty.", []),
    ]


SPEECH2TEXT = Schema(
    "Speech2Text",
    [
        *_component("encoder", "Turns features into hidden channels.", names=ENCODERS),
        *_component("decoder", "Turns channels into symbols.", names=DECODERS),
        *_component("loss", "What training minimises.", LOSSES["CTCLoss"], names=LOSSES),
        *_component("data_layer", "Reads recordings and texts.", names=DATA_LAYERS),
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
        *map(
            _without_meaning,
            (
                "finetune",
                "lm_vocab_file",
                "processed_data_folder",
                "use_trt",
                "trt_max_workspace_size_bytes",
                "trt_precision_mode",
                "trt_minimum_segment_size",
                "trt_is_dynamic_op",
                "trt_maximum_cached_engines",
            ),
        ),
    ],
    check=_check_speech,
    summary="An encoder, a CTC decoder and a loss over a speech data layer.",
)

LANGUAGE_MODEL = Schema(
    "NeuralLanguageModel",
    [
        *_component("encoder", "Turns embedded tokens into hidden channels.", names=LM_ENCODERS),
        *_component(
            "loss", "What training minimises.", LM_LOSSES["CrossEntropyLoss"], names=LM_LOSSES
        ),
        *_component("data_layer", "Reads text.", names=LM_DATA_LAYERS),
        *_training_params("Lines", ("loss",)),
    ],
    check=_check,
    summary="An encoder between an embedding and its transpose, over a text data layer.",
)
