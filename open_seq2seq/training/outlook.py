"""Whether a training has ended too early, and how it would go on."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from open_seq2seq.config.schema import Params
from open_seq2seq.files import JsonObject
from open_seq2seq.optimizers.lr_policies import cosine_decay, poly_decay
from open_seq2seq.optimizers.lr_schedule import find_policy, make_lr_schedule

# So much has the loss to have fallen in the last quarter of the evaluations: less is noise.
MARGIN = 0.03
LONGER = 1.5
# Arguments that a longer run replaces or has no use for; the latter's values go with them.
_REPLACED = ("num_epochs", "max_steps", "load_model", "checkpoint")
_DROPPED = ("--continue_learning", "--no_dir_check")
# What these reach at decay_steps they keep.
_ENDING = (poly_decay, cosine_decay)


def still_falls(losses: Sequence[float]) -> bool:
    """Whether an evaluation loss was still falling when training ended.

    It was if the last one is lower by `MARGIN`, as a share, than all before the last quarter of the
    evaluations. One that is no number is not low.

    Args:
      losses: of all evaluations, in their order.
    """
    before = losses[: len(losses) - max(len(losses) // 4, 1)]
    lowest = min(map(_finite, before), default=math.inf)
    return math.isfinite(lowest) and losses[-1] < (1 - MARGIN) * lowest


@dataclass(frozen=True)
class Longer:
    """A run as it was and as it would go on.

    Args:
      params: the checked parameters of training.
      last_step, steps_per_epoch: of the run as it was; the latter None with `max_steps`.
      ahead: steps by which the schedule is further than the steps say.
      rate_factor: what the policy's rate is multiplied by.
    """

    params: Params
    last_step: int
    steps_per_epoch: int | None = None
    ahead: int = 0
    rate_factor: float = 1.0

    @property
    def length(self) -> tuple[str, int]:
        """The parameter that makes the run half as long again, and its value."""
        name = "num_epochs" if self.params.get("num_epochs") else "max_steps"
        return name, math.ceil(LONGER * self.params[name])

    @property
    def new_last_step(self) -> int:
        """The last step of the longer run, as the schedule counts them."""
        name, value = self.length
        old = self.last_step + self.ahead
        return value if name == "max_steps" else math.ceil(old * value / self.params[name])

    @property
    def decay_steps(self) -> int | None:
        """What `decay_steps` has to be for the decay to last to the new end, if it ends earlier."""
        given = self.params["lr_policy_params"]
        if find_policy(self.params["lr_policy"]) not in _ENDING or not given.get("decay_steps"):
            return None
        begin = max(given.get("begin_decay_at") or 0, 0)
        if begin + given["decay_steps"] > self.last_step + self.ahead:
            return None
        return self.new_last_step - begin

    def _schedule(self, last_step: int, decay_steps: int | None = None) -> Callable[[int], float]:
        given = dict(self.params["lr_policy_params"])
        if decay_steps:
            given["decay_steps"] = decay_steps
        policy = self.params["lr_policy"]
        rate = make_lr_schedule(policy, given, last_step, self.steps_per_epoch)
        return lambda step: self.rate_factor * rate(step)

    def rates(self) -> str:
        """What becomes of the learning rate, in a sentence."""
        old_end, new_end = self.last_step + self.ahead, self.new_last_step
        before = self._schedule(old_end)(old_end - 1)
        longer = self._schedule(new_end, self.decay_steps)
        first, last = longer(old_end), longer(new_end - 1)
        if self.decay_steps:
            stays = self._schedule(old_end)(old_end)
            text = f"With its decay_steps alone the rate would stay at {stays:.2g}. With these it "
            text += "begins again"
        elif math.isclose(first, before, rel_tol=1e-6) and math.isclose(last, before, rel_tol=1e-6):
            return f"The learning rate stays at {before:.2g}."
        elif first > 1.1 * before:
            text = "The schedule is then that of the longer run: the learning rate begins again"
        else:
            return f"The learning rate goes on from {before:.2g} to {last:.2g}."
        return f"{text} at {first:.2g}, after {before:.2g} at this end, and falls to {last:.2g}."


def outlook(
    curve: Sequence[JsonObject],
    longer: Longer,
    arguments: Sequence[str],
    program: Sequence[str] = ("python", "run.py"),
) -> list[str]:
    """What to say at the end of a run whose evaluation loss still falls; nothing of another one.

    Args:
      curve: its evaluations, with "step", "loss" and, of speech, "wer".
      longer: as it would go on.
      arguments, program: its command line.
    """
    losses = [row["loss"] for row in curve]
    # Where nothing is misrecognised, there is nothing to gain.
    if not still_falls(losses) or curve[-1].get("wer") == 0:
        return []
    earlier = min(curve[: -max(len(curve) // 4, 1)], key=lambda row: _finite(row["loss"]))
    return [
        f"The evaluation loss was still falling: {losses[-1]:.4g} now, {earlier['loss']:.4g} at "
        f"step {earlier['step']}. To go on, half as long again:",
        f"    {command(arguments, longer, program)}",
        longer.rates(),
    ]


def _finite(loss: float) -> float:
    return loss if math.isfinite(loss) else math.inf


def command(
    arguments: Sequence[str], longer: Longer, program: Sequence[str] = ("python", "run.py")
) -> str:
    """The command line that goes on; as `outlook`."""
    name, value = longer.length
    more = ["--continue_learning", f"--{name}={value}"]
    replaced = list(_REPLACED)
    if longer.decay_steps:
        replaced.append("lr_policy_params/decay_steps")
        more.append(f"--lr_policy_params/decay_steps={longer.decay_steps}")
    return shlex.join([*program, *_kept(arguments, replaced), *more])


def _kept(arguments: Sequence[str], replaced: Sequence[str]) -> list[str]:
    kept, skip = [], False
    for argument in arguments:
        if skip:
            skip = False
            continue
        key, has_value, _ = argument.removeprefix("--").partition("=")
        if key.removeprefix("train_params/") in replaced and argument.startswith("--"):
            skip = not has_value
        elif argument not in _DROPPED:
            kept.append(argument)
    return kept
