"""Optimizers, gradient clipping, learning-rate policies, regularizers and initialisers."""

from open_seq2seq.optimizers.clipping import clip_by_global_norm, global_norm
from open_seq2seq.optimizers.factory import OPTIMIZERS, find_optimizer, make_optimizer
from open_seq2seq.optimizers.initializers import INITIALIZERS, xavier_initializer
from open_seq2seq.optimizers.lr_policies import LR_POLICIES
from open_seq2seq.optimizers.lr_schedule import fill_policy_params, find_policy, make_lr_schedule
from open_seq2seq.optimizers.momentum import Momentum
from open_seq2seq.optimizers.novograd import NovoGrad
from open_seq2seq.optimizers.regularizers import REGULARIZERS, l2_regularizer

__all__ = [
    "INITIALIZERS",
    "LR_POLICIES",
    "OPTIMIZERS",
    "REGULARIZERS",
    "Momentum",
    "NovoGrad",
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
