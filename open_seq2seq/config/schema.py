"""Schemas: every parameter of every component, described once.

A component (model, data layer, encoder, decoder, loss, optimizer, learning-rate
policy) carries a class attribute `PARAMS`, a `Schema`. Validation, command-line
overrides, `--help_params` and the config reference in `docs/` all read it.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from open_seq2seq.errors import InputError, Problem


class _Required:
    def __repr__(self) -> str:
        return "required"


REQUIRED: Any = _Required()

# Parameters by name, as a config or a command line gives them or a schema fills them: values of
# any type, which their schema checks.
Params: TypeAlias = Mapping[str, Any]

# Stands for "a function or class" in `Param.type`: activations, policies, components.
CALLABLE: Any = Callable


@dataclass(frozen=True)
class Param:
    """One parameter.

    Args:
      name: its key in the config dictionary.
      type: the accepted Python type or a tuple of them; `CALLABLE` for functions and
        classes, `object` for anything. An int is accepted for a float; a bool is not
        an int. None is accepted exactly when the default is None or `type` holds
        `type(None)`.
      help: one line, with the unit.
      default: its value when absent; `REQUIRED` when there is none.
      choices: the allowed values, if they can be listed.
      names: for a function or class, those that can also be given by name; from a
        config as `"encoder": "TDNNEncoder"`, from the command line as
        `--lr_policy=cosine_decay`.
      minimum, maximum: inclusive bounds of a number.
      schema: for a dict, the schema of its keys; or a function of the sibling values
        that returns it (None: unknown, keys are not checked), for dictionaries whose
        keys depend on another parameter (`encoder_params` on `encoder`).
      item: for a list, the description of one element; its name is not used.
      convert: applied to a valid value when the parameters are parsed.
      no_effect: for a parameter that is accepted for old configs, why it does nothing here;
        a run that is given it says so (`Schema.notes`).
      note: for a parameter that has an effect, what a run that is given it says of it.
    """

    name: str
    type: Any
    help: str
    default: Any = REQUIRED
    choices: tuple[Any, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    schema: Schema | Callable[[Params], Schema | None] | None = None
    item: Param | None = None
    names: Mapping[str, Any] | None = None
    convert: Callable[[Any], Any] | None = None
    no_effect: str = ""
    note: str = ""

    @property
    def types(self) -> tuple[Any, ...]:
        return self.type if isinstance(self.type, tuple) else (self.type,)

    @property
    def required(self) -> bool:
        return self.default is REQUIRED

    def accepts_none(self) -> bool:
        return self.default is None or type(None) in self.types

    def type_name(self) -> str:
        """The type as a reader sees it: `int`, `list of dict`, `str or None`."""
        names = [_type_name(t) for t in self.types if t is not type(None)]
        if self.names:
            names.append(f"one of {', '.join(self.names)}")
        if self.item is not None and "list" in names:
            names[names.index("list")] = f"list of {self.item.type_name()}"
        if self.accepts_none():
            names.append("None")
        return " or ".join(names)

    def named(self, value: Any) -> Any:
        """The function or class that `value` names, or `value` itself."""
        if self.names and isinstance(value, str):
            return self.names.get(value, value)
        return value

    def schema_for(self, siblings: Params) -> Schema | None:
        if self.schema is None or isinstance(self.schema, Schema):
            return self.schema
        return self.schema(siblings)

    def problems(self, value: object, where: str, siblings: Params) -> list[Problem]:
        """Everything that is wrong with `value`, nested structures included."""
        if value is None and self.accepts_none():
            return []
        if self.names and isinstance(value, str):
            return [] if value in self.names else [self._unknown_name(value, where)]
        if not any(_is_instance(value, t) for t in self.types):
            return [Problem(where, _shown(value), self.type_name())]
        if self.choices and not any(_same(value, choice) for choice in self.choices):
            allowed = ", ".join(_bare(choice) for choice in self.choices)
            remedy = _suggest(str(value), [str(choice) for choice in self.choices])
            return [Problem(where, _shown(value), f"one of {allowed}", remedy)]
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            if self.minimum is not None and value < self.minimum:
                return [Problem(where, _shown(value), f"at least {self.minimum:g}")]
            if self.maximum is not None and value > self.maximum:
                return [Problem(where, _shown(value), f"at most {self.maximum:g}")]
        if isinstance(value, (list, tuple)) and self.item is not None:
            return [
                problem
                for index, element in enumerate(value)
                for problem in self.item.problems(element, f"{where}[{index}]", {})
            ]
        if isinstance(value, Mapping):
            schema = self.schema_for(siblings)
            return schema.problems(value, where) if schema else []
        return []

    def _unknown_name(self, value: str, where: str) -> Problem:
        assert self.names is not None
        remedy = _suggest(value, self.names)
        return Problem(where, _shown(value), self.type_name(), remedy)

    def parse(self, value: Any, siblings: Params) -> Any:
        """A valid value as the component will see it: defaults filled, ints made floats."""
        if value is None:
            return None
        value = self.named(value)
        if isinstance(value, Mapping):
            schema = self.schema_for(siblings)
            parsed: Any = schema.fill(value) if schema else dict(value)
        elif isinstance(value, (list, tuple)) and self.item is not None:
            item = self.item
            parsed = [item.parse(element, {}) for element in value]
        elif _is_int(value) and float in self.types and int not in self.types:
            parsed = float(value)
        else:
            parsed = value
        return self.convert(parsed) if self.convert else parsed


@dataclass(frozen=True, eq=False)
class Schema:
    """The parameters of one component.

    Args:
      name: the component's name, used in messages and as a heading in the docs.
      params: its parameters.
      check: finds what is wrong between parameters; gets the given values (every one
        of the right type) and the place, and yields problems.
      summary: one line on what the component is.
    """

    name: str
    params: Sequence[Param]
    check: Callable[[Params, str], Iterable[Problem]] | None = None
    summary: str = ""
    by_name: Mapping[str, Param] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {param.name: param for param in self.params})

    def problems(self, values: Params, where: str = "") -> list[Problem]:
        """All that is wrong with `values`: unknown and missing keys, types, ranges."""
        found: list[Problem] = []
        for key in values:
            if key not in self.by_name:
                remedy = _suggest(str(key), self.by_name) or "Remove it."
                expected = f"one of {self.name}'s"
                found.append(Problem(_join(where, key), "an unknown parameter", expected, remedy))
        for param in self.params:
            place = _join(where, param.name)
            if param.name in values:
                found += param.problems(values[param.name], place, values)
            elif param.required:
                remedy = f"Add it: {param.help[:1].lower()}{param.help[1:]}"
                found.append(Problem(place, "nothing", param.type_name(), remedy))
        if self.check and not found:
            found += self.check(values, where)
        return found

    def notes(self, values: Params) -> list[str]:
        """What a user should know of valid values (`no_effect`, `note`): one line per reason.

        A value that asks for nothing (the default, None, False) is passed over.
        """
        reasons: dict[str, list[str]] = {}
        for path, reason in self._remarks(values, ""):
            reasons.setdefault(reason, []).append(path)
        return [f"{', '.join(paths)}: {why}" for why, paths in reasons.items()]

    def _remarks(self, values: Params, where: str) -> Iterator[tuple[str, str]]:
        for param in self.params:
            value, place = values.get(param.name), _join(where, param.name)
            if param.no_effect or param.note:
                if value not in (None, False, param.default):
                    yield place, param.note or f"no effect here: {param.no_effect}"
            elif isinstance(value, Mapping):
                schema = param.schema_for(values)
                yield from schema._remarks(value, place) if schema else ()

    def fill(self, values: Params) -> dict[str, Any]:
        """Valid values as the component sees them, defaults filled in."""
        filled = {}
        for param in self.params:
            filled[param.name] = param.parse(values.get(param.name, param.default), values)
        return filled

    def parse(self, values: Params, where: str = "") -> dict[str, Any]:
        """Checks `values` and fills in the defaults.

        Raises:
          InputError: listing every problem.
        """
        problems = self.problems(values, where)
        if problems:
            raise InputError(f"The parameters of {self.name} are not valid:", problems)
        return self.fill(values)


def closest_name(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` was probably meant to be, if one is near."""
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None


def _suggest(name: str, known: Iterable[str]) -> str:
    match = closest_name(name, known)
    return f"Did you mean {match}?" if match else ""


def _join(where: str, key: object) -> str:
    return f"{where}/{key}" if where else str(key)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_instance(value: object, kind: Any) -> bool:
    if kind is object:
        return True
    if kind is CALLABLE:
        return callable(value)
    if kind is float:
        return isinstance(value, float) or _is_int(value)
    if kind is int:
        return _is_int(value)
    if kind is list:
        return isinstance(value, (list, tuple))
    return isinstance(value, kind)


def _same(value: object, choice: object) -> bool:
    """Equal and of the same kind: True is not the choice 1."""
    return value == choice and isinstance(value, bool) == isinstance(choice, bool)


def _type_name(kind: Any) -> str:
    if kind is CALLABLE:
        return "function or class"
    return "any value" if kind is object else kind.__name__


def _bare(value: object) -> str:
    return value if isinstance(value, str) else repr(value)


def _shown(value: object) -> str:
    text = f"{value!r} ({type(value).__name__})"
    return text if len(text) <= 120 else f"{repr(value)[:100]}… ({type(value).__name__})"
