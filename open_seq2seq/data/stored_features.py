"""Stored features as recordings: Kaldi's archives, places in them, and scripts with their texts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from open_seq2seq.data.audio import AudioInfo
from open_seq2seq.data.manifest import Utterance, read_manifest
from open_seq2seq.data.paths import config_path
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.kaldi_io import read_object, scan_ark
from open_seq2seq.kaldi_io.opening import located, opened, parse_place
from open_seq2seq.kaldi_io.script import read_lines

_TABLES = (".scp", ".ark")
# Where a frame of a segment begins: rounding of times in manifests.
_ROUNDING = 1e-6


def read_features(
    path: str,
    num_features: int,
    sample_freq: int,
    offset: float | None = None,
    duration: float | None = None,
) -> np.ndarray:
    """`[frames * num_features]` float32: the rows one after the other.

    Args:
      path: `file`, `file:offset`, with a range or without, as Kaldi writes places.
      num_features: columns.
      sample_freq: numbers in a second.
      offset, duration: the part that is meant, in seconds; None: all.

    Raises:
      InputError: it is no matrix of so many columns and some rows, or not finite.
    """
    matrix = read_object(path)
    problem = _problem(path, matrix.shape, num_features)
    if problem is None and not np.isfinite(matrix).all():
        problem = Problem(path, "NaN or infinite features", "finite ones")
    if problem is not None:
        raise InputError("Cannot read features:", [problem])
    rate = sample_freq / num_features
    start = int((offset or 0.0) * rate + _ROUNDING)
    stop = None if duration is None else start + max(int(duration * rate + _ROUNDING), 1)
    return matrix[start:stop].astype(np.float32).ravel()


def features_info(path: str, num_features: int, sample_freq: int) -> AudioInfo | Problem:
    """How long stored features are, as an audio file's header says it; or what is wrong.

    The matrix is read: a header of an archive says its size, but not that it is whole.
    """
    try:
        shape = read_object(path).shape
    except InputError as error:
        return error.problems[0]
    problem = _problem(path, shape, num_features)
    if problem is not None:
        return problem
    count = shape[0] * num_features
    return AudioInfo(count / sample_freq, sample_freq, 1, count, "Kaldi", "features")


def _problem(path: str, shape: Sequence[int], num_features: int) -> Problem | None:
    if len(shape) == 2 and shape[1] == num_features and shape[0]:
        return None
    remedy = ""
    if len(shape) == 2 and shape[1] and shape[0]:
        remedy = f"Set num_audio_features to {shape[1]}, if these are the features that are meant."
    return Problem(path, f"an array of shape {list(shape)}", f"[frames, {num_features}]", remedy)


def read_stored_utterances(files: Sequence[str], need_transcript: bool) -> list[Utterance]:
    """The utterances of scripts, archives and manifests, in the order of `files`.

    Args:
      files: `feats.scp` or an archive, with a file `text` beside it; or manifests, as
        `read_manifests` takes them, whose recordings are places such as `feats.ark:1234`.
      need_transcript: transcripts have to be there.

    Raises:
      InputError: with all that is wrong.
    """
    utterances: list[Utterance] = []
    problems: list[Problem] = []
    for file in map(config_path, files):
        if file.endswith(_TABLES):
            utterances += read_table_utterances(file, need_transcript, problems)
        else:
            folder = os.path.dirname(file)
            for one in read_manifest(file, need_transcript, problems):
                try:
                    # Lengths are those of the features: a manifest's are rounded.
                    duration = None if one.offset is None else one.duration
                    path = resolved_place(one.name, folder)
                    utterances.append(replace(one, path=path, duration=duration))
                except InputError as error:
                    problems += error.problems
    if not files:
        problems.append(Problem("dataset_files", "an empty list", "at least one file"))
    if problems:
        raise InputError("The data files cannot be used:", problems)
    return utterances


def read_table_utterances(
    file: str, need_transcript: bool, problems: list[Problem]
) -> list[Utterance]:
    """The utterances of a script or an archive, with transcripts of `text` beside it.

    Args:
      file: an scp or ark file; `text` in its folder has a key and a transcript in each line.
      need_transcript: transcripts have to be there.
      problems: takes what is wrong.
    """
    folder = Path(file).resolve().parent
    before = len(problems)
    try:
        places = _places(file, folder)
        texts = _texts(folder / "text")
    except InputError as error:
        problems += error.problems
        return []
    if texts is None and need_transcript:
        found = "no file of this name"
        remedy = f"Kaldi's data folders have it beside {Path(file).name}."
        problems.append(Problem(str(folder / "text"), found, "a key and its transcript", remedy))
        return []
    utterances = []
    for key, path, source in places:
        transcript = None if texts is None else texts.get(key)
        if transcript is None and need_transcript:
            problems.append(Problem(source, f"no transcript of {key}", f"one in {folder / 'text'}"))
            continue
        utterances.append(Utterance(path, key, transcript, None, source))
    if not utterances and len(problems) == before:
        problems.append(Problem(file, "no utterances", "at least one"))
    return utterances


def _places(file: str, folder: Path) -> list[tuple[str, str, str]]:
    """Key, place and source of each utterance."""
    if file.endswith(".ark"):
        return [
            (entry.key, f"{file}:{entry.offset}", f"{file}:{entry.key}") for entry in scan_ark(file)
        ]
    found = []
    with opened(file) as source:
        for line in read_lines(source):
            place = line.place
            if place.is_command or place.path == "-":
                remedy = "Write the features to an archive, with copy-feats for instance."
                problem = Problem(line.where, place.path, "a place in a file", remedy)
                raise InputError("Features cannot be read:", [problem])
            path = located(place.path, folder)
            found.append((line.key, line.text.replace(place.path, path, 1), line.where))
    return found


def _texts(path: Path) -> dict[str, str] | None:
    """Transcripts by key; None: there is no such file."""
    if not path.is_file():
        return None
    texts = {}
    with opened(str(path)) as source:
        number = 0
        while not source.at_end():
            number += 1
            where = f"{path}:{number}"
            try:
                key, _, text = source.line().decode("utf-8").strip().partition(" ")
            except UnicodeDecodeError:
                raise _wrong(where, "bytes that are not UTF-8") from None
            if not key:
                raise _wrong(where, "an empty line")
            if key in texts:
                raise _wrong(where, f"{key} again")
            texts[key] = text.strip()
    return texts


def _wrong(where: str, found: str) -> InputError:
    problem = Problem(where, found, "a key and its transcript, each key once")
    return InputError("Transcripts cannot be read:", [problem])


def resolved_place(name: str, folder: str) -> str:
    """A place that a manifest names, from its folder or from the working directory."""
    path = parse_place(name, name).path
    if os.path.isabs(path) or os.path.exists(name):
        return name
    beside = os.path.join(folder, path)
    return name.replace(path, beside, 1) if os.path.exists(beside) else name
