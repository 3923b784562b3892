"""The weights of an OpenSeq2Seq checkpoint, into a model of this framework."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from open_seq2seq.config.schema import Params
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.interop.openseq2seq.names import ENCODERS, WeightMapping, weight_mappings
from open_seq2seq.interop.openseq2seq.tensorflow1_checkpoint import AVERAGE, MASTER, OldCheckpoint

# Half precision has 11 bits: how far a copy in it may be from its master.
_HALF = 2e-3


@dataclass
class Import:
    """What was imported from where, and what was not, and why.

    Args:
      used: the model's variables a name of the checkpoint went into, by that name.
      dtypes: how the checkpoint stores a name.
      unused: the reason, by name.
    """

    used: dict[str, list[str]] = field(default_factory=dict)
    dtypes: dict[str, str] = field(default_factory=dict)
    unused: dict[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """The table of all variables of the checkpoint."""
        width = max(map(len, [*self.used, *self.unused]), default=0)
        lines = [f"{len(self.used)} variables used:"]
        for name, targets in self.used.items():
            into = targets[0] if len(targets) == 1 else f"{targets[0]} and {len(targets) - 1} more"
            lines.append(f"  {name:{width}}  {self.dtypes[name]:8}  -> {into}")
        lines.append(f"{len(self.unused)} variables not used:")
        lines += [f"  {name:{width}}  {reason}" for name, reason in self.unused.items()]
        return "\n".join(lines)


def import_weights(old: OldCheckpoint, model: Any, params: Params) -> Import:
    """Puts a checkpoint's weights into the model.

    Args:
      old: the checkpoint.
      model: a built `Speech2Text` with a TDNNEncoder or DeepSpeech2Encoder.
      params: the model's parameters.

    Raises:
      InputError: listing every variable of the model that the checkpoint lacks or has in
        another shape, every one of the checkpoint that has no place in the model, and values
        that are not finite. Nothing is changed then.
    """
    kind = type(model.encoder).__name__
    if kind not in ENCODERS:
        problem = Problem("encoder", kind, f"one of {', '.join(ENCODERS)}, as OpenSeq2Seq has")
        raise InputError("The config's model is none of OpenSeq2Seq's:", [problem])
    variables = {
        name: variable
        for variable in model.variables
        if "seed_generator_state" not in variable.path and (name := variable.path.partition("/")[2])
    }
    trained = {v.path.partition("/")[2] for v in model.trainable_variables}
    shapes = {name: tuple(variable.shape) for name, variable in variables.items()}
    data_format = params["encoder_params"].get("data_format", "BTFC")
    result, problems = Import(), []
    values: dict[str, np.ndarray] = {}
    plan = [
        chosen
        for mapping in weight_mappings(kind, shapes, _by_variable(old), data_format)
        for chosen in _chosen(mapping, old, result)
    ]
    for mapping in plan:
        found = _problems(mapping, old, trained)
        problems += found
        if not found:
            arrays = _read(mapping, old, result)
            problems += _not_finite(arrays, mapping)
            values.update(mapping.convert(arrays))
    problems += _leftovers(old, plan, result)
    if problems:
        summary = f"{old.prefix} does not fit the model of this config:"
        raise InputError(summary, problems)
    for name, variable in variables.items():
        variable.assign(values[name])
    return result


def _by_variable(old: OldCheckpoint) -> dict[str, tuple[int, ...]]:
    """Shapes by the names that a model's variables have in the checkpoint."""
    return {
        name.removesuffix(AVERAGE).removeprefix(MASTER): shape for name, shape in old.shapes.items()
    }


def _chosen(mapping: WeightMapping, old: OldCheckpoint, result: Import) -> Sequence[WeightMapping]:
    """The mapping, or those of the other form of the same weights.

    A mixed-precision checkpoint has the weights of cuDNN layers twice: cell by cell, which is
    unmistakable but half precision, and as a blob of the fp32 master copy. The blob is used
    if its weights are those of the cells.
    """
    others = [name for other in mapping.fallback for name, _ in other.sources.values()]
    present = [found for name in others if (found := old.stored_name(name)) is not None]
    if not present or len(present) < len(others):
        return [mapping]
    (blob, size), *_ = mapping.sources.values()
    stored = old.stored_name(blob)
    assert stored is not None
    reason = "the same weights are used cell by cell"
    if old.shapes[stored] != size:
        reason += f", as it has {old.shapes[stored]} numbers, not {size}"
    elif old.dtypes[stored] == "float32" and "float32" not in {
        old.dtypes[name] for name in present
    }:
        values = mapping.convert(_read(mapping, old))
        cells = [other.convert(_read(other, old)) for other in mapping.fallback]
        difference = max(
            float(np.abs(array - values[name]).max() / max(1.0, np.abs(array).max()))
            for arrays in cells
            for name, array in arrays.items()
            if name.endswith("kernel")
        )
        if difference < _HALF:
            for name in present:
                result.unused[name] = "half precision of the fp32 blob that is used"
            return [mapping]
        reason += f", from which it differs by up to {difference:.2g}: it has another layout"
    result.unused[stored] = reason
    return mapping.fallback


def _problems(mapping: WeightMapping, old: OldCheckpoint, trained: set[str]) -> list[Problem]:
    """What is missing, or of another shape."""
    problems = []
    into = mapping.targets[0] + (" and others" if len(mapping.targets) > 1 else "")
    for name, shape in mapping.sources.values():
        stored = old.stored_name(name)
        if stored is None:
            expected = f"an array of shape {shape}, for {into}"
            problems.append(Problem(name, "nothing", expected))
        elif old.shapes[stored] != shape:
            found = f"shape {old.shapes[stored]}"
            problems.append(Problem(stored, found, f"{shape}, for {into}"))
        elif old.use_averages and mapping.targets[0] in trained and not stored.endswith(AVERAGE):
            remedy = "Import it without --use_ema."
            problems.append(Problem(name, "no moving average", "one, as --use_ema asks", remedy))
    return problems


def _read(
    mapping: WeightMapping, old: OldCheckpoint, result: Import | None = None
) -> dict[str, np.ndarray]:
    arrays = {}
    for key, (name, _) in mapping.sources.items():
        stored = old.stored_name(name)
        assert stored is not None
        arrays[key] = old.value(stored)
        if result is not None:
            result.used[stored] = list(mapping.targets)
            result.dtypes[stored] = old.dtypes[stored]
    return arrays


def _not_finite(arrays: Mapping[str, np.ndarray], mapping: WeightMapping) -> Iterable[Problem]:
    for key, array in arrays.items():
        if not np.isfinite(array).all():
            count = int((~np.isfinite(array)).sum())
            found = f"{count} values that are not finite"
            yield Problem(mapping.sources[key][0], found, "numbers", "Take an earlier checkpoint.")


def _leftovers(
    old: OldCheckpoint, plan: Iterable[WeightMapping], result: Import
) -> Iterable[Problem]:
    """The model's variables without a place here; all others get their reason."""
    plan = list(plan)
    names = {name for mapping in plan for name, _ in mapping.sources.values()}
    names |= set(result.unused)
    for stored in sorted(old.shapes.keys() - result.used.keys() - result.unused.keys()):
        reason = old.purpose(stored, names)
        if reason is not None:
            result.unused[stored] = reason
        else:
            found = f"an array of shape {old.shapes[stored]}"
            expected = "nothing of that name in this config's model"
            yield Problem(stored, found, expected)
