"""NeMo's configs: YAML as plain values, with its interpolations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from open_seq2seq.interop.nemo.refusal import refusal, refused_if_damaged
from open_seq2seq.interop.nemo.torch_pickle import Refused

MOST_BYTES = 1 << 24
# Aliases may repeat a part again and again: so many values of a config at most, and so deep.
_MOST_VALUES, _DEEPEST = 1_000_000, 60
_REFERENCE = re.compile(r"\$\{([^${}]+)\}")


def parse_yaml(content: bytes, where: str) -> dict[str, Any]:
    """A YAML document as dictionaries, lists, texts and numbers.

    Sub-configs of NeMo 1.0's betas, `{cls, params}`, become what later ones are, and `${...}` what
    it names.

    Raises:
      InputError: it is no YAML dictionary; or PyYAML is not installed.
    """
    try:
        import yaml
    except ImportError:
        remedy = "pip install 'open-seq2seq[nemo]', or pip install pyyaml."
        raise refusal(
            "PyYAML", "not installed", "PyYAML, which reads NeMo's configs", remedy
        ) from None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with refused_if_damaged(where, "a config of NeMo (YAML)"):
        root = _Copy().of(yaml.load(content.decode("utf-8"), Loader=loader), 0)
        if not isinstance(root, dict):
            raise Refused(f"{type(root).__name__} instead of a dictionary")
        return _resolved(root, root, 0)


class _Copy:
    """Copies plain values, of which there may be only so many."""

    def __init__(self) -> None:
        self.count = 0

    def of(self, value: Any, depth: int) -> Any:
        """The same without aliases, with `params` one level up."""
        self.count += 1
        if self.count > _MOST_VALUES or depth > _DEEPEST:
            raise Refused("aliases that make more values than any config has")
        if isinstance(value, dict):
            copy = {key: self.of(one, depth + 1) for key, one in value.items()}
            params = copy.get("params")
            if isinstance(params, dict) and ("cls" in copy or "_target_" in copy):
                target = copy.get("_target_", copy.get("cls"))
                others = {k: v for k, v in copy.items() if k not in ("params", "cls")}
                copy = {"_target_": target, **others, **params}
            return copy
        if isinstance(value, list):
            return [self.of(one, depth + 1) for one in value]
        return value


def _resolved(value: Any, root: dict[str, Any], depth: int) -> Any:
    if isinstance(value, dict):
        return {key: _resolved(one, root, depth) for key, one in value.items()}
    if isinstance(value, list):
        return [_resolved(one, root, depth) for one in value]
    if not isinstance(value, str) or "${" not in value:
        return value
    if depth > _DEEPEST:
        return value
    whole = _REFERENCE.fullmatch(value)
    if whole:
        found = _named(whole[1], root)
        return value if found is None else _resolved(found, root, depth + 1)
    return _REFERENCE.sub(lambda match: str(_named(match[1], root) or match[0]), value)


def _named(path: str, root: dict[str, Any]) -> Any:
    """What `a.b[0].c` names; `model.` is the root. None where it names nothing."""
    parts = re.split(r"[.\[\]]+", path.strip().strip("]"))
    value: Any = root
    if parts[0] == "model" and "model" not in root:
        parts = parts[1:]
    for part in parts:
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value
