"""Writes `docs/config_reference.md` from the schemas: `make docs`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import open_seq2seq.start  # noqa: F401
from open_seq2seq.config.describe import markdown
from open_seq2seq.config.schema import Schema
from open_seq2seq.data import DATA_LAYERS, LM_DATA_LAYERS
from open_seq2seq.decoders import DECODERS
from open_seq2seq.encoders import ENCODERS, LM_ENCODERS
from open_seq2seq.losses import LOSSES
from open_seq2seq.models.params import COMPONENT_PARAMS, LANGUAGE_MODEL, SPEECH2TEXT
from open_seq2seq.optimizers import (
    INITIALIZERS,
    LOSS_SCALERS,
    LR_POLICIES,
    OPTIMIZERS,
    REGULARIZERS,
)

TARGET = Path(__file__).resolve().parents[1] / "docs" / "config_reference.md"

INTRODUCTION = """\
# Config reference

Made from the schemas by `make docs`; do not edit. `run.py --config_file=X --help_params`
prints the same for the components of one config. How configs and overrides work is in
[configs.md](configs.md).

"""

_COMMON = Schema(
    "Encoders and decoders, common parameters",
    COMPONENT_PARAMS,
    summary="What `encoder_params` and `decoder_params` may hold besides the component's own.",
)

# The rest is as in Speech2Text; only the metric of the best checkpoint has less to choose from.
_OWN_OF_LANGUAGE_MODELS = Schema(
    LANGUAGE_MODEL.name,
    [
        param
        for param in LANGUAGE_MODEL.params
        if param.name in ("encoder", "loss", "data_layer", "best_checkpoint_metric")
    ],
    summary=f"{LANGUAGE_MODEL.summary} Its other parameters are those of Speech2Text.",
)


def reference() -> str:
    """The whole page."""
    # Without values, the dictionaries of components have no schema: each is its own section.
    parts = [INTRODUCTION, markdown(SPEECH2TEXT), markdown(_COMMON)]
    tables: tuple[tuple[str, Mapping[str, Any]], ...] = (
        ("Data layers", DATA_LAYERS),
        ("Encoders", ENCODERS),
        ("Decoders", DECODERS),
        ("Losses", LOSSES),
        ("Optimizers", OPTIMIZERS),
        ("Learning-rate policies", LR_POLICIES),
        ("Loss scalers", LOSS_SCALERS),
        ("Regularizers", REGULARIZERS),
        ("Initializers", INITIALIZERS),
    )
    for title, table in tables:
        parts.append(f"## {title}\n")
        parts += [markdown(component.PARAMS, "###") for component in table.values()]
    parts += [markdown(_OWN_OF_LANGUAGE_MODELS), "Their components:\n"]
    for table in (LM_DATA_LAYERS, LM_ENCODERS):
        parts += [markdown(component.PARAMS, "###") for component in table.values()]
    return "\n".join(parts).rstrip() + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Runs the script; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=TARGET, help=f"the page ({TARGET.name})")
    flags = parser.parse_args(arguments)
    flags.output.write_text(reference())
    print(f"wrote {flags.output}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
