"""Which tensor of a file goes into which variable of a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.interop.nemo.refusal import SUMMARY

Convert = Callable[..., np.ndarray]


@dataclass(frozen=True)
class Weight:
    """A tensor's place.

    Args:
      source: its name in the file; several that become one variable; or none, for a constant.
      target: the variable's, as in a checkpoint.
      convert: from PyTorch's layout to ours.
    """

    source: str | tuple[str, ...]
    target: str
    convert: Convert

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of all tensors."""
        return (self.source,) if isinstance(self.source, str) else self.source

    @property
    def shown(self) -> str:
        """The names, for messages."""
        first, *others = self.sources or ("a constant",)
        return f"{first} and {len(others)} more" if others else first


def as_is(values: np.ndarray) -> np.ndarray:
    """Vectors."""
    return values


def convolution(values: np.ndarray) -> np.ndarray:
    """`[output, input, tap]` -> `[tap, input, output]`."""
    return values.transpose(2, 1, 0)


def depthwise(values: np.ndarray) -> np.ndarray:
    """`[channel, 1, tap]` -> `[tap, channel, 1]`."""
    return values.transpose(2, 0, 1)


def image_convolution(values: np.ndarray) -> np.ndarray:
    """`[output, input, time, frequency]` -> `[time, frequency, input, output]`."""
    return values.transpose(2, 3, 1, 0)


def image_depthwise(values: np.ndarray) -> np.ndarray:
    """`[channel, 1, time, frequency]` -> `[time, frequency, channel, 1]`."""
    return values.transpose(2, 3, 0, 1)


def matrix(values: np.ndarray) -> np.ndarray:
    """`[output, input]`, or a convolution of one tap `[output, input, 1]` -> `[input, output]`."""
    return values.reshape(values.shape[:2]).T if values.shape[2:] in ((), (1,)) else values


def norm(source: str, target: str) -> list[Weight]:
    """Those of a batch normalization."""
    names = {
        "weight": "gamma",
        "bias": "beta",
        "running_mean": "moving_mean",
        "running_var": "moving_variance",
    }
    return [Weight(f"{source}.{a}", f"{target}/{b}", as_is) for a, b in names.items()]


@dataclass
class Used:
    """What became of the tensors of a file.

    Args:
      used: the variable a tensor went into, or what it is used for.
      unused: why it is not used.
    """

    used: dict[str, str] = field(default_factory=dict)
    unused: dict[str, str] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """The table of all tensors."""
        width = max(map(len, [*self.used, *self.unused]), default=0)
        lines = [f"{len(self.used)} tensors used:"]
        lines += [f"  {name:{width}}  -> {target}" for name, target in self.used.items()]
        lines.append(f"{len(self.unused)} tensors not used:")
        return lines + [f"  {name:{width}}  {reason}" for name, reason in self.unused.items()]


# What says nothing of the numbers: how it ends -> why.
_WITHOUT_USE = {".num_batches_tracked": "a counter of training"}


def assigned(
    weights: Sequence[Weight],
    tensors: Mapping[str, Callable[[], np.ndarray]],
    variables: Mapping[str, Any],
    result: Used,
    without_use: Mapping[str, str],
) -> None:
    """Puts the tensors of a file into the variables of a model, all or none.

    Args:
      weights: their places.
      tensors: functions that read them, by name.
      variables: by name.
      result: what has been used already; goes on with these.
      without_use: beginnings of names that have no place -> why.

    Raises:
      InputError: listing every variable that no tensor is for, every tensor that is missing, left
        over or of another shape, and what is not finite.
    """
    problems: list[Problem] = []
    values: dict[str, np.ndarray] = {}
    for weight in weights:
        expected = f"a tensor for {weight.target}"
        if weight.target not in variables:
            found = "a tensor that has no variable here"
            problems.append(Problem(weight.shown, found, f"{weight.target} in the model"))
            continue
        missing = [name for name in weight.sources if name not in tensors]
        problems += [Problem(name, "no such tensor", expected) for name in missing]
        if missing:
            continue
        arrays = [np.asarray(tensors[name](), np.float32) for name in weight.sources]
        shape = tuple(variables[weight.target].shape)
        shapes = ", ".join(str(list(array.shape)) for array in arrays[:3])
        try:
            converted = weight.convert(*arrays)
        except ValueError:
            converted = np.zeros(0)
        if tuple(converted.shape) != shape:
            says = f"{expected} {list(shape)}, as the config has it"
            problems.append(Problem(weight.shown, f"shape {shapes}", says))
        else:
            problems += _value_problems(weight, converted)
            values[weight.target] = converted
            result.used.update(dict.fromkeys(weight.sources, weight.target))
    known = {name for weight in weights for name in weight.sources} | result.used.keys()
    for name in tensors:
        if name not in known and name not in result.unused:
            problems += _leftover(name, without_use, result)
    without = variables.keys() - {weight.target for weight in weights}
    problems += [Problem(name, "no tensor", "one that goes into it") for name in sorted(without)]
    if problems:
        raise InputError(SUMMARY, problems)
    for name, converted in values.items():
        variables[name].assign(np.ascontiguousarray(converted))


def _value_problems(weight: Weight, values: np.ndarray) -> Iterable[Problem]:
    if not np.isfinite(values).all():
        count = int((~np.isfinite(values)).sum())
        yield Problem(weight.shown, f"{count} values that are not finite", "numbers")
    elif weight.target.endswith("moving_variance") and (values < 0).any():
        yield Problem(weight.shown, f"a variance of {values.min():.3g}", "none below 0")


def _leftover(name: str, without_use: Mapping[str, str], result: Used) -> Iterable[Problem]:
    for ending, reason in _WITHOUT_USE.items():
        if name.endswith(ending):
            result.unused[name] = reason
            return
    for beginning, reason in without_use.items():
        if name.startswith(beginning):
            result.unused[name] = reason
            return
    found = "a tensor that the network of the config has no place for"
    if "adapter" in name:
        found = "an adapter"
    yield Problem(name, found, "nothing of that name", "Models with other parts are not imported.")
