"""What can be wrong with the value of `recognizer.json`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from open_seq2seq.errors import Problem
from open_seq2seq.exported.file import MODEL, STREAM
from open_seq2seq.exported.integrity import is_safe_name
from open_seq2seq.exported.stream import stream_misfits
from open_seq2seq.files import NUMBER, JsonObject, misfits

# Raised when a reader of the format before cannot read a folder, or would read it wrongly. New
# keys and new kinds of files don't raise it: readers pass over what they do not know.
FORMAT = 1

_FORM = {
    "sample_freq": int,
    "symbols": [str],
    "blank": int,
    "frame_shift": NUMBER,
    "time_stride": int,
    "hop_length": int,
    "context": {"left": (*NUMBER, None), "right": (*NUMBER, None)},
    "front_end": {"options": dict, "fingerprint": dict},
    "decoder": dict,
    "segmentation": dict,
    "text_normalization?": (str, None),
    "trained_on": (dict, None),
    "versions": dict,
    "origin": dict,
    "files": dict,
}
_FILE = {
    "sha256": str,
    "size": int,
    "kind": str,
    "of?": (str, None),
}
_MODEL = {
    "runtime": str,
    "precision": str,
    "batch": (int, None),
    "probe?": (dict, None),
    "quantization?": (dict, None),
    "error_rates?": (dict, None),
}
_STREAM = {"runtime": str, "precision": str, "probe?": (dict, None), "quantization?": (dict, None)}
_TRAINED_ON = {"longest": NUMBER, "mean": NUMBER}
_PROBE = {"shape": [int], "numbers": [NUMBER]}
_POSITIVE = ("sample_freq", "time_stride", "hop_length", "frame_shift")
# Decoder parameters that end so name files of the folder.
PATH = "_path"
_SHA256 = re.compile(r"[0-9a-f]{64}")
# Hz: above it there are no recordings.
_HIGHEST = 768_000
# Of a parameter.
_LONGEST_NAME = 80
_WHAT = "what open-seq2seq export writes there"
_AGAIN = "Copy the folder again, or export the model again."
_NEWER = "Use an open-seq2seq that is as new as the one that wrote it."


def description_problems(value: object, where: str) -> list[Problem]:
    """All that is wrong with the value of a `recognizer.json`.

    Args:
      value: what JSON says; its numbers are finite.
      where: the file, for messages.
    """
    version = value.get("format") if isinstance(value, dict) else None
    if version != FORMAT or isinstance(version, bool):
        newer = isinstance(version, int) and version > FORMAT
        found = "no format" if version is None else f"format {version!r}"
        return [Problem(where, found, f"format {FORMAT}", _NEWER if newer else _AGAIN)]
    wrong = list(misfits(value, _FORM))
    if not wrong and isinstance(value, dict):
        wrong = [*_values(value), *_files(value["files"])] or list(_references(value))
    return [Problem(where, one, _WHAT, _AGAIN) for one in wrong]


def _values(value: JsonObject) -> Iterator[str]:
    """In what numbers and texts are impossible."""
    for name in _POSITIVE:
        if value[name] <= 0:
            yield f"{name} {value[name]!r}"
    if value["sample_freq"] > _HIGHEST:
        yield f"sample_freq {value['sample_freq']!r}"
    symbols = value["symbols"]
    if not symbols or "" in symbols or len(set(symbols)) < len(symbols):
        yield f"{len(symbols)} symbols, of which some are empty or twice there"
    if not all(map(_is_text, symbols)):
        yield "symbols that are no Unicode text"
    if value["blank"] != len(symbols):
        yield f"blank {value['blank']!r} of {len(symbols)} symbols"
    for name, seconds in value["context"].items():
        if isinstance(seconds, (int, float)) and seconds < 0:
            yield f"context.{name} {seconds!r}"
    if value["trained_on"] is not None:
        wrong = list(misfits(value["trained_on"], _TRAINED_ON, "trained_on"))
        yield from wrong
        if not wrong and min(value["trained_on"][name] for name in _TRAINED_ON) <= 0:
            yield f"trained_on {value['trained_on']!r}"
    for part in ("decoder", "segmentation"):
        yield from (
            f"a name of {len(key)} characters in {part}"
            for key in value[part]
            if len(key) > _LONGEST_NAME
        )
    for name, version in value["versions"].items():
        yield from misfits(version, str, f"versions.{name}")


def _files(files: JsonObject) -> Iterator[str]:
    """In what the entries of files are none."""
    if not files:
        yield "no files"
    for name, file in files.items():
        where = f"files[{name!r}]"
        if not is_safe_name(name):
            yield f"the file name {name!r}"
        wrong = list(misfits(file, _FILE, where))
        if not wrong and file["kind"] == MODEL:
            wrong = list(misfits(file, _MODEL, where))
        if not wrong and file["kind"] == STREAM:
            wrong = list(misfits(file, _STREAM, where))
        if not wrong and (file["kind"] == STREAM or file.get("stream") is not None):
            wrong = list(stream_misfits(file.get("stream"), f"{where}.stream"))
        if not wrong and file.get("probe") is not None:
            wrong = list(misfits(file["probe"], _PROBE, f"{where}.probe"))
        yield from wrong
        if wrong:
            continue
        if not _SHA256.fullmatch(file["sha256"]) or file["size"] < 0:
            yield f"no SHA-256 and size in {where}"
        if file.get("batch") not in (None, 1):
            yield f"batch {file['batch']!r} in {where}"
        probe = file.get("probe")
        if probe is not None and (len(probe["shape"]) != 2 or min(probe["shape"]) < 0):
            yield f"shape {probe['shape']!r} in {where}.probe"


def _references(value: JsonObject) -> Iterator[str]:
    """Which files are named and not described."""
    files = value["files"]
    for name, file in files.items():
        owner = file.get("of")
        if owner is not None and (
            owner not in files or files[owner]["kind"] not in (MODEL, STREAM)
        ):
            yield f"of {owner!r}, which is no model, in files[{name!r}]"
    for key, name in value["decoder"].items():
        if key.endswith(PATH) and name is not None and not _is_key(name, files):
            yield f"decoder.{key} {name!r}, which is not in files"


def _is_key(name: object, files: JsonObject) -> bool:
    return isinstance(name, str) and name in files


def _is_text(symbol: str) -> bool:
    """Half of a surrogate pair is none, though JSON can write it."""
    try:
        symbol.encode()
    except UnicodeEncodeError:
        return False
    return True
