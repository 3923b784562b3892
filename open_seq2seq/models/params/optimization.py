"""Parameters of the steps of training: optimizer, gradients, arithmetic, averages of weights."""

from __future__ import annotations

from open_seq2seq.config.schema import Param, Params, Schema
from open_seq2seq.models.params.components import DTYPES, component
from open_seq2seq.optimizers import (
    INITIALIZERS,
    LARC,
    LOSS_SCALERS,
    LR_POLICIES,
    OPTIMIZERS,
    REGULARIZERS,
)


def _scaler_params(siblings: Params) -> Schema | None:
    """The schema of `loss_scaling_params`: that of the scaler, if one is named."""
    scaler = LOSS_SCALERS.get(str(siblings.get("loss_scaling")))
    return scaler.PARAMS if scaler else None


OPTIMIZATION = [
    *component("optimizer", "The optimizer.", "Momentum", OPTIMIZERS),
    *component("lr_policy", "The learning rate as a function of the step.", None, LR_POLICIES),
    Param("max_grad_norm", float, "Clips gradients to this global norm.", None, minimum=0),
    Param("larc_params", dict, "LARC; None: off. Not with max_grad_norm.", None, schema=LARC),
    *component("regularizer", "A factory of a regularizer.", None, REGULARIZERS),
    *component("initializer", "A factory of an initializer.", None, INITIALIZERS),
    Param(
        "dtype",
        str,
        "Arithmetic: float32, or mixed (bfloat16 with float32 variables, statistics and loss), "
        "or mixed_float16 (the same with float16); auto: mixed where this machine multiplies "
        "faster in bfloat16, which is measured at the start of training, else float32.",
        "float32",
        choices=DTYPES,
    ),
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
        "max_nonfinite_share",
        float,
        "Training stops when more than this share of the last 1000 utterances had a loss or "
        "gradient that is not finite.",
        0.05,
        minimum=0,
        maximum=1,
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
        "freeze_variables_regex",
        str,
        "Variables whose name it matches from the start are not trained: `encoder/conv11/`, or "
        "as OpenSeq2Seq has it, `ForwardPass/w2l_encoder/conv11/`.",
        None,
    ),
]
