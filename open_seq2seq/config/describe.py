"""Schemas as text: `--help_params` on the terminal and the config reference in docs/."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from open_seq2seq.config.schema import Param, Params, Schema


def sections(schema: Schema, values: Params, prefix: str = "") -> Iterator[tuple[str, Schema]]:
    """`schema` and every schema nested in it, each with the path of its dictionary."""
    yield prefix, schema
    for param in schema.params:
        path = f"{prefix}/{param.name}" if prefix else param.name
        inner = values.get(param.name)
        nested = param.schema_for(values)
        if nested:
            yield from sections(nested, inner if isinstance(inner, Mapping) else {}, path)
        if param.item is not None:
            element = param.item.schema_for({})
            if element:
                yield from sections(element, {}, f"{path}[]")


def help_text(schema: Schema, values: Params) -> str:
    """All parameters of a config's components, for the terminal."""
    lines = []
    for path, section in sections(schema, values):
        lines += ["", f"{section.name}{f'  ({path})' if path else ''}"]
        if section.summary:
            lines.append(f"  {section.summary}")
        for param in section.params:
            lines.append(f"  {param.name}: {_signature(param)}")
            lines.append(f"      {param.help}")
    return "\n".join(lines[1:])


def markdown(schema: Schema, heading: str = "##") -> str:
    """One component's parameters as a Markdown table, nested schemas after it."""
    lines = []
    for path, section in sections(schema, {}):
        level = heading if not path else f"{heading}#"
        title = section.name if not path else f"{section.name} (`{path}`)"
        lines += [f"{level} {title}", ""]
        if section.summary:
            lines += [section.summary, ""]
        lines += ["| parameter | type | default | meaning |", "|---|---|---|---|"]
        for param in section.params:
            cells = (f"`{param.name}`", param.type_name(), shown_default(param), _meaning(param))
            lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
        lines.append("")
    return "\n".join(lines)


def shown_default(param: Param) -> str:
    """The default as a reader sees it."""
    if param.required:
        return "required"
    return getattr(param.default, "__name__", None) or repr(param.default)


def _signature(param: Param) -> str:
    text = f"{param.type_name()}, {shown_default(param)}"
    if param.choices:
        text += f"; one of {', '.join(map(repr, param.choices))}"
    return text


def _meaning(param: Param) -> str:
    if not param.choices:
        return param.help
    return f"{param.help} One of {', '.join(f'`{choice!r}`' for choice in param.choices)}."
