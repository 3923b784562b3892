"""Writes the presets of scoring.py in C++, native/presets.h.

Run it when they change: python -m ctc_decoder_with_lm.presets
"""

from __future__ import annotations

import sys
from dataclasses import fields

from ctc_decoder_with_lm.library import NATIVE
from ctc_decoder_with_lm.scoring import PRESETS, Scoring

HEADER = NATIVE / "presets.h"
# The fields of which C++ has another name or type.
_CHOICES = {
    "unit": ("natural_unit", {"natural": "true", "log10": "false"}),
    "unknown": (
        "unknown",
        {"lm": "Unknown::kModel", "replace": "Unknown::kReplace", "add": "Unknown::kAdd"},
    ),
    "lexicon": ("constrain", {"constrain": "true", "none": "false"}),
    "partial_word": (
        "partial_word",
        {
            "none": "PartialWord::kNone",
            "lookahead": "PartialWord::kLookahead",
            "trie": "PartialWord::kTrie",
            "unknown": "PartialWord::kUnknown",
        },
    ),
    "merge": ("max_merge", {"sum": "false", "max": "true"}),
    # Whether a model is of words or of symbols is known when it has been read.
    "lm_unit": ("token_lm", {"auto": "false", "word": "false", "token": "true"}),
}
# C++ has it in the options of a call.
_ELSEWHERE = ("recombine",)


def header() -> str:
    """The text of native/presets.h."""
    lines = [
        "// The presets of scoring.py, written by python -m ctc_decoder_with_lm.presets.",
        "#pragma once",
        "",
        "#include <string>",
        "#include <utility>",
        "#include <vector>",
        "",
        '#include "scoring.h"',
        "",
        "namespace ctc {",
        "",
    ]
    for name, preset in PRESETS.items():
        lines += [f"inline Scoring {_function(name)}() {{", "  Scoring scoring;"]
        lines += [f"  scoring.{one};" for one in _assignments(preset)]
        lines += ["  return scoring;", "}", ""]
    lines += [
        "inline std::vector<std::pair<std::string, Scoring>> Presets() {",
        "  std::vector<std::pair<std::string, Scoring>> presets;",
    ]
    lines += [f'  presets.emplace_back("{name}", {_function(name)}());' for name in PRESETS]
    return "\n".join([*lines, "  return presets;", "}", "", "}  // namespace ctc", ""])


def _function(preset: str) -> str:
    return "".join(part.capitalize() for part in preset.split("_")) + "Scoring"


def _assignments(preset: Scoring) -> list[str]:
    """Of the fields that are not as they are by default, which C++ has too."""
    found = []
    for field in fields(Scoring):
        value = getattr(preset, field.name)
        if value == field.default or field.name in _ELSEWHERE:
            continue
        name, choices = _CHOICES.get(field.name, (field.name, {}))
        if isinstance(value, bool):
            text = str(value).lower()
        elif isinstance(value, str):
            text = choices[value]
            if text == choices[getattr(Scoring(), field.name)]:
                continue
        else:
            text = f"{float(value):.9g}"
            text += "f" if "." in text or "e" in text else ".0f"
        found.append(f"{name} = {text}")
    return found


def main() -> int:
    """Writes the header; returns the exit code."""
    HEADER.write_text(header(), encoding="utf-8")
    print(f"Written: {HEADER}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
