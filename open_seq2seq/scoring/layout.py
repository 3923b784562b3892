"""How a graph's tensors lie: which axis is the batch, time or the features (`-layout`)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.scoring.named_lists import match_name

_ELEMENT = re.compile(r"\s*([^\[\],]*)\[([A-Za-z?.]*)\]\s*")


def parse_layouts(text: str | None, inputs: Sequence[str]) -> dict[str, str]:
    """The layouts of inputs: `[NC]` for all of them, or `in0[NC],in1[NC]`.

    Args:
      text: what was given; None: nothing.
      inputs: the model's.

    Returns:
      For each input that is named, letters: N the batch, T time, C features.

    Raises:
      InputError: it cannot be read.
    """
    if not text:
        return {}
    elements = _ELEMENT.findall(text)
    if re.sub(_ELEMENT, "", text).strip(", ") or not elements:
        problem = Problem("-layout", text, "[NC] or name[NC],name2[NC]")
        raise InputError("A layout cannot be read:", [problem])
    layouts: dict[str, str] = {}
    for name, letters in elements:
        letters = letters.upper()
        if sorted(letters) not in (["C", "N"], ["C", "N", "T"], ["C", "T"]):
            problem = Problem("-layout", f"[{letters}]", "letters N, T and C: [NC], [NTC]")
            raise InputError("A layout cannot be read:", [problem])
        named = [match_name(name.strip(), inputs, "-layout")] if name.strip() else inputs
        layouts |= dict.fromkeys(named, letters)
    return layouts
