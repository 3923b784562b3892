"""Command-line overrides of config values: `--encoder_params/dropout_keep_prob=0.9`.

Any parameter of the schema can be overridden, whether the config mentions it or not;
list elements are addressed by index (`--encoder_params/convnet_layers/0/stride=[2]`).
A prefix `train_params/`, `eval_params/`, `infer_params/` restricts an override to that
mode. The command line always wins, over the mode dictionaries too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from open_seq2seq.config.loading import PARAMS_OF_MODE
from open_seq2seq.config.schema import Param, Params, Schema, closest_name
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.successors import hint


@dataclass(frozen=True)
class Override:
    """One `--key=value` of the command line.

    Args:
      argument: as it was typed, for messages.
      path: the key split at `/`, without the mode prefix.
      text: the value as typed.
      mode: the mode it is restricted to, or None.
    """

    argument: str
    path: tuple[str, ...]
    text: str
    mode: str | None = None


def split_arguments(arguments: Sequence[str]) -> list[Override]:
    """`--key=value` and `--key value` arguments as overrides.

    Raises:
      InputError: for arguments of any other form.
    """
    overrides, problems = [], []
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        key, has_value, text = argument.removeprefix("--").partition("=")
        if not argument.startswith("--") or not key:
            problems.append(Problem(argument, "a stray argument", "--key=value"))
            continue
        if not has_value:
            if not rest or rest[0].startswith("--"):
                problems.append(Problem(argument, "no value", "--key=value"))
                continue
            text = rest.pop(0)
            argument = f"{argument}={text}"
        path = tuple(part for part in key.split("/") if part)
        mode = next((m for m, name in PARAMS_OF_MODE.items() if path[0] == name), None)
        overrides.append(Override(argument, path[1:] if mode else path, text, mode))
    if problems:
        raise InputError("The command line is not understood:", problems)
    return overrides


def apply_overrides(
    params: dict[str, Any],
    overrides: Sequence[Override],
    schema: Schema,
    mode: str,
    flags: Sequence[str] = (),
) -> dict[str, Any]:
    """`params` (changed in place, and returned) with the overrides for `mode` applied.

    A parameter that selects a component (`--encoder=...`) is applied before those of
    the component itself, whatever their order on the command line.

    Args:
      flags: names of the command line that are no parameters; a misspelt one is suggested.

    Raises:
      InputError: listing every unknown name and every value that does not parse.
    """
    problems: list[Problem] = []
    chosen = [o for o in overrides if o.mode in (None, mode)]
    for override in sorted(chosen, key=lambda o: len(o.path)):
        problem = _apply(params, override, schema, flags)
        if problem:
            problems.append(problem)
    if problems:
        raise InputError("The command line overrides cannot be applied:", problems)
    return params


def _apply(
    params: dict[str, Any], override: Override, schema: Schema, flags: Sequence[str]
) -> Problem | None:
    where = f"--{'/'.join(override.path)}"
    current: Any = params
    known: Schema | None = schema
    param: Param | None = None
    for depth, name in enumerate(override.path):
        last = depth == len(override.path) - 1
        if isinstance(current, list):
            if not name.isdigit() or int(name) >= len(current):
                return Problem(where, f"{name!r}", f"an index below {len(current)}")
            key: int | str = int(name)
            param = param.item if param else None
        elif known is not None:
            key = name
            if name not in known.by_name:
                more = () if depth else flags
                return _unknown(where, override.path[:depth], name, known, more, schema, params)
            param = known.by_name[name]
        else:
            key, param = name, None
        if last:
            current[key] = parse_value(override.text, param)
            return None
        siblings = current if isinstance(current, Mapping) else {}
        if isinstance(current, dict) and not isinstance(current.get(key), (dict, list)):
            current[key] = {}
        current = current[key]
        known = param.schema_for(siblings) if param else None
    return Problem(override.argument, "an empty key", "--key=value")


def _unknown(
    where: str,
    parents: Sequence[str],
    name: str,
    known: Schema,
    flags: Sequence[str],
    schema: Schema,
    params: Params,
) -> Problem:
    """The message for a name that `known` does not have.

    The remedy is what became of a flag of OpenSeq2Seq's, the nearest of its own names, or of any.
    """
    became = hint(where)
    if became:
        return Problem(where, "an unknown parameter", f"one of {known.name}'s", became)
    match = closest_name(name, [*flags, *known.by_name])
    if match:
        remedy = f"Did you mean --{'/'.join([*parents, match])}?"
    else:
        paths = {path.rsplit("/", 1)[-1]: path for path, _ in walk(schema, params)}
        near = closest_name(name, paths)
        remedy = f"Did you mean --{paths[near]}?" if near else "See --help_params."
    return Problem(where, "an unknown parameter", f"one of {known.name}'s", remedy)


def walk(schema: Schema, values: Params, prefix: str = "") -> Iterator[tuple[str, Param]]:
    """Every parameter of `schema` with its full path, nested dictionaries included.

    Args:
      values: the config's values, which decide the schemas of dictionaries that depend
        on another parameter.
    """
    for param in schema.params:
        path = f"{prefix}{param.name}"
        yield path, param
        nested = param.schema_for(values)
        if nested:
            inner = values.get(param.name)
            yield from walk(nested, inner if isinstance(inner, Mapping) else {}, f"{path}/")


def parse_value(text: str, param: Param | None = None) -> Any:
    """The value that `text` stands for: a Python literal, or the text itself.

    `true`, `false`, `none` and `null` are understood in any case; a parameter of type
    str (and no other type) takes the text as it is, unless it is quoted. Of a list of texts one
    is given without brackets: `dataset_files=a.csv`.
    """
    if param is not None and param.item is not None and param.item.type is str:
        value = parse_value(text)
        return (
            [text] if set(param.types) <= {list, type(None)} and isinstance(value, str) else value
        )
    word = text.strip().lower()
    only_text = param is not None and set(param.types) <= {str, type(None)}
    if word in ("none", "null") and (param is None or param.accepts_none()):
        return None
    if word in ("true", "false") and not only_text:
        return word == "true"
    try:
        value = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError):
        return text
    return value if not only_text or isinstance(value, str) else text
