"""A model's metadata: the symbols and features that whoever uses its checkpoint must have too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from open_seq2seq.errors import InputError, Problem
from open_seq2seq.files import JsonObject

# Finds how features differ from those of a checkpoint's fingerprint.
CompareFeatures = Callable[[JsonObject], list[Problem]]


def make_metadata(vocabulary: Sequence[str], fingerprint: JsonObject) -> JsonObject:
    """As a checkpoint keeps it.

    Args:
      vocabulary: the text of each symbol.
      fingerprint: the front-end's, or what a data layer of text has in its place.
    """
    return {"vocabulary": list(vocabulary), "features": dict(fingerprint)}


def vocabulary_change(old: Sequence[str], new: Sequence[str]) -> str | None:
    """How the symbols differ, in words; None: they do not."""
    if list(old) == list(new):
        return None
    before, after = set(old), set(new)
    added = [symbol for symbol in new if symbol not in before]
    removed = [symbol for symbol in old if symbol not in after]
    if not added and not removed:
        return "another order"
    return f"symbols added {_listed(added)}, removed {_listed(removed)}"


def compatibility_problems(
    stored: JsonObject, vocabulary: Sequence[str], compare: CompareFeatures
) -> list[Problem]:
    """How whoever uses a checkpoint differs from its metadata.

    Args:
      stored: the checkpoint's metadata.
      vocabulary: the text of each symbol of who uses it.
      compare: finds what is wrong with the checkpoint's features.
    """
    change = vocabulary_change(stored.get("vocabulary") or [], vocabulary)
    problems = []
    if change is not None:
        remedy = "Use the file it had."
        problems.append(Problem("vocab_file", change, "the vocabulary of the checkpoint", remedy))
    return problems + compare(stored.get("features", {}))


def check_compatibility(
    stored: JsonObject,
    vocabulary: Sequence[str],
    compare: CompareFeatures,
    checkpoint: str | Path,
) -> None:
    """See `compatibility_problems`.

    Args:
      checkpoint: its path, for the message.

    Raises:
      InputError: listing what differs.
    """
    problems = compatibility_problems(stored, vocabulary, compare)
    if problems:
        raise InputError(f"{checkpoint} was trained on other symbols or features:", problems)


def _listed(symbols: Sequence[str]) -> str:
    """The first symbols of a list that may hold thousands of words."""
    rest = f" and {len(symbols) - 30} more" if len(symbols) > 30 else ""
    return f"{list(symbols[:30])}{rest}"
