"""How inference cuts long recordings: the parameters of `segmentation`."""

from __future__ import annotations

from collections.abc import Iterable

from open_seq2seq.config.schema import Param, Params, Schema
from open_seq2seq.errors import Problem


def _check(values: Params, where: str) -> Iterable[Problem]:
    prefix = f"{where}/" if where else ""
    longest, target = values.get("max_duration"), values.get("target_duration")
    if longest and target and target > longest:
        yield Problem(
            f"{prefix}target_duration", f"{target:g}", f"at most max_duration, {longest:g}"
        )
    for name in ("max_duration", "target_duration"):
        if values.get(name) == 0:
            yield Problem(prefix + name, "0", "seconds, more than 0", "None takes training's.")


SEGMENTATION = Schema(
    "segmentation",
    [
        Param(
            "enabled",
            bool,
            "Cut recordings that are longer than max_duration; False: take all whole.",
            True,
        ),
        Param(
            "max_duration",
            float,
            "Longest piece, in seconds; recordings up to it stay whole. None: the longest "
            "recording of the model's training (16.7 where the checkpoint does not know it).",
            default=None,
            minimum=0,
        ),
        Param(
            "target_duration",
            float,
            "Length that pieces are to have, in seconds, where there are pauses for it. None: the "
            "mean of training (half of max_duration where the checkpoint does not know it).",
            default=None,
            minimum=0,
        ),
        Param("min_pause", float, "Shortest pause to cut in, in seconds.", 0.2, minimum=0),
        Param(
            "long_pause",
            float,
            "A pause that is always cut in, in seconds; what is quiet in it is not listened to.",
            1.0,
            minimum=0,
        ),
        Param(
            "pause_threshold",
            float,
            "How far above the recording's own noise floor a pause may be, in dB; never more than "
            "half way to the speech. Up to half of it above the floor is quiet.",
            10.0,
            minimum=0,
        ),
        Param(
            "overlap",
            float,
            "Seconds that neighbouring pieces share where there is no pause; they are joined where "
            "the network finds none of its symbols, between two words if possible.",
            2.0,
            minimum=0,
        ),
    ],
    check=_check,
    summary="Cutting of long recordings in inference (docs/inference.md).",
)
