"""From a learning-rate policy and its parameters to a function of the step."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from open_seq2seq.config.schema import Params, Schema, closest_name
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.optimizers.lr_policies import LR_POLICIES, Policy


def find_policy(policy: str | Policy, where: str = "lr_policy") -> Policy:
    """The function itself, or the one with that name.

    Raises:
      InputError: if no policy has that name.
    """
    if callable(policy):
        return policy
    if policy not in LR_POLICIES:
        match = closest_name(str(policy), LR_POLICIES)
        expected = f"a function or one of {', '.join(LR_POLICIES)}"
        remedy = f"Did you mean {match}?" if match else ""
        raise InputError(
            "The learning-rate policy is not valid:",
            [Problem(where, repr(policy), expected, remedy)],
        )
    return LR_POLICIES[policy]


def fill_policy_params(
    policy: Policy,
    params: Params,
    last_step: int,
    steps_per_epoch: int | None = None,
) -> dict[str, Any]:
    """Adds to `params` what follows from the length of the training.

    * `decay_steps`, if the policy takes it and it is not given (or None): `last_step`
      minus `begin_decay_at`, after `begin_decay_at` was raised to `warmup_steps`. If
      nothing is left for the decay (a benchmark shorter than the warm-up) it is 1, and
      the decay is never reached. A given `decay_steps` is left alone, and so is then
      `begin_decay_at`.
    * `steps_per_epoch`, if the policy takes it and it is not given.

    Args:
      policy: a function of `lr_policies`, or a user's.
      params: its arguments, without `global_step`.
      last_step: number of steps of the whole training.
      steps_per_epoch: steps of one epoch when `num_epochs` is set, else None.

    Returns: the arguments to call the policy with, besides `global_step`.
    """
    filled = dict(params)
    accepted = inspect.signature(policy).parameters
    if "decay_steps" in accepted and filled.get("decay_steps") is None:
        if "begin_decay_at" in accepted:
            warmup_steps = filled.get("warmup_steps", 0) if "warmup_steps" in accepted else 0
            begin = max(filled.get("begin_decay_at", 0), warmup_steps)
            filled["begin_decay_at"] = begin
            filled["decay_steps"] = max(last_step - begin, 1)
        else:
            filled["decay_steps"] = last_step
    if "steps_per_epoch" in accepted and filled.get("steps_per_epoch") is None:
        filled["steps_per_epoch"] = steps_per_epoch
    return filled


def make_lr_schedule(
    policy: str | Policy,
    params: Params,
    last_step: int,
    steps_per_epoch: int | None = None,
    where: str = "lr_policy_params",
) -> Callable[[int], float]:
    """The learning rate as a function of the step alone: checks, fills in, binds.

    Args:
      policy: a name of `LR_POLICIES`, one of those functions, or a user's.
      params, last_step, steps_per_epoch: as for `fill_policy_params`.
      where: the config key of `params`, for messages.

    Raises:
      InputError: if the policy is unknown or its parameters are not valid.
    """
    function = find_policy(policy)
    schema: Schema | None = getattr(function, "PARAMS", None)
    checked = schema.parse(params, where) if schema else dict(params)
    arguments = fill_policy_params(function, checked, last_step, steps_per_epoch)
    if schema is None:
        _check_signature(function, arguments, where)
    return lambda global_step: float(function(global_step, **arguments))


def _check_signature(function: Policy, arguments: Params, where: str) -> None:
    try:
        inspect.signature(function).bind(0, **arguments)
    except TypeError as error:
        signature = f"{function.__name__}{inspect.signature(function)}"
        raise InputError(
            "The parameters of the learning-rate policy are not valid:",
            [Problem(where, f"{sorted(arguments)} ({error})", f"the arguments of {signature}")],
        ) from error
