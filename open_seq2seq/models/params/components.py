"""Parameters that choose a component, each with the dictionary of the component's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from open_seq2seq.config.schema import CALLABLE, REQUIRED, Param, Params, Schema
from open_seq2seq.models.precision import AUTO, POLICIES
from open_seq2seq.optimizers import INITIALIZERS, REGULARIZERS

DTYPES = (*POLICIES, "tf.float32", "tf.float16")


def component(
    name: str, help: str, default: object = REQUIRED, names: Mapping[str, object] | None = None
) -> list[Param]:
    """The parameter that chooses a component, and the dictionary of the component's own.

    Args:
      name: of the parameter, `encoder`; the dictionary is `encoder_params`.
      help: what the component is.
      default: the component that is used where none is chosen.
      names: the components that can be chosen by name.
    """
    param = Param(name, CALLABLE, help, default, names=names)
    what = f"The parameters of the {name}."
    return [param, Param(f"{name}_params", dict, what, {}, schema=_params_of(param))]


def _params_of(param: Param) -> Callable[[Params], Schema | None]:
    """The schema of `<component>_params`, which depends on the component that is chosen."""

    def schema(siblings: Params) -> Schema | None:
        default = None if param.required else param.default
        chosen = param.named(siblings.get(param.name, default))
        own: Schema | None = getattr(chosen, "PARAMS", None)
        if own is not None and param.name in ("encoder", "decoder"):
            return _with_common(own)
        return own

    return schema


@cache
def _with_common(schema: Schema) -> Schema:
    """An encoder's or decoder's schema, with what the model takes out of its dictionary."""
    common = [param for param in COMPONENT_PARAMS if param.name not in schema.by_name]
    return Schema(schema.name, [*schema.params, *common], schema.check, schema.summary)


def _own_factory(name: str, table: Mapping[str, object]) -> list[Param]:
    """A component's own regularizer or initializer, and its parameters."""

    def schema(siblings: Params) -> Schema | None:
        chosen = siblings.get(name)
        chosen = table.get(chosen) if isinstance(chosen, str) else chosen
        return getattr(chosen, "PARAMS", None)

    return [
        Param(name, CALLABLE, f"Its own {name} factory; None: the model's.", None, names=table),
        Param(f"{name}_params", dict, f"The parameters of the {name}.", {}, schema=schema),
    ]


# What the dictionary of any encoder or decoder may hold besides its own parameters.
COMPONENT_PARAMS = [
    *_own_factory("regularizer", REGULARIZERS),
    *_own_factory("initializer", INITIALIZERS),
    Param(
        "dtype",
        str,
        "Its own arithmetic; None: the model's.",
        None,
        choices=tuple(name for name in DTYPES if name != AUTO),
    ),
]
