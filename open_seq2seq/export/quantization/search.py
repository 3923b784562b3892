"""The search for the layers that stay in float32."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence

from open_seq2seq.export.quantization.layers import Layer, groups

_log = logging.getLogger(__name__)

# Nats: the mean divergence of the probabilities of a frame from those in float32, at most.
LIMIT = 5e-4
# What is left in float32 makes it less by this share, or it is quantised after all.
_WORTHWHILE = 0.2


def quantise(
    name: str,
    layers: Sequence[Layer],
    write: Callable[[Collection[str]], None],
    divergence: Callable[[], float],
) -> list[str]:
    """Writes a model with as many quantised layers as lose little, found by measuring.

    All are quantised; where that loses too much, groups of layers are left in float32 one after
    the other, as long as each helps.

    Args:
      name: of the file, for messages.
      layers: those that can be quantised, in the order of the graph.
      write: writes the model; its argument are the names of layers to leave in float32.
      divergence: of the model that was written last, see `Calibration`.

    Returns:
      What is left in float32, in words.
    """
    left: frozenset[str] = frozenset()
    titles: list[str] = []
    write(left)
    least = divergence()
    _log.info("%s: all layers quantised, divergence %.2g", name, least)
    is_last = True
    for group in groups(layers):
        if least <= LIMIT:
            break
        if group.names <= left:
            continue
        write(left | group.names)
        found = divergence()
        _log.info("%s: %s in float32, divergence %.2g", name, group.title, found)
        is_last = found < (1 - _WORTHWHILE) * least
        if is_last:
            left, least = left | group.names, found
            titles.append(group.title)
    if not is_last:
        write(left)
    if least > LIMIT:
        _log.warning(
            "%s: quantisation moves the probabilities by %.2g nats a frame (little: %g). Compare "
            "error rates with --eval_manifest.",
            name, least, LIMIT,
        )  # fmt: skip
    return titles
