"""Optimizers and all around them: clipping, LARC, loss scaling, learning-rate policies,
regularizers and initialisers."""

from open_seq2seq.optimizers.clipping import clip_by_global_norm, global_norm
from open_seq2seq.optimizers.factory import OPTIMIZERS, find_optimizer, make_optimizer
from open_seq2seq.optimizers.initializers import INITIALIZERS, xavier_initializer
from open_seq2seq.optimizers.larc import LARC, LarcReport, apply_larc
from open_seq2seq.optimizers.loss_scaling import LOSS_SCALERS, BackoffScaler, LogMaxScaler, Scaler
from open_seq2seq.optimizers.lr_policies import LR_POLICIES
from open_seq2seq.optimizers.lr_schedule import fill_policy_params, find_policy, make_lr_schedule
from open_seq2seq.optimizers.momentum import Momentum
from open_seq2seq.optimizers.novograd import NovoGrad
from open_seq2seq.optimizers.regularizers import REGULARIZERS, l2_regularizer

__all__ = [
    "INITIALIZERS",
    "LARC",
    "LOSS_SCALERS",
    "LR_POLICIES",
    "OPTIMIZERS",
    "REGULARIZERS",
    "BackoffScaler",
    "LarcReport",
    "LogMaxScaler",
    "Momentum",
    "NovoGrad",
    "Scaler",
    "apply_larc",
    "clip_by_global_norm",
    "fill_policy_params",
    "find_optimizer",
    "find_policy",
    "global_norm",
    "l2_regularizer",
    "make_lr_schedule",
    "make_optimizer",
    "xavier_initializer",
]
