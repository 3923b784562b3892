"""Kaldi data folders: `wav.scp`, `text` and, if there are any, `segments` and `utt2spk`.

Every line of these files is a name and a value (kaldi-asr.org/doc/data_prep.html).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from open_seq2seq.corpora.importers.entries import (
    Entry,
    Split,
    chosen,
    counted,
    existing_folder,
    folder_name,
    read_text_lines,
)
from open_seq2seq.corpora.importers.kaldi_recordings import find_recordings
from open_seq2seq.corpora.importers.pipes import Recording
from open_seq2seq.errors import InputError, Problem


@dataclass(frozen=True)
class KaldiOptions:
    """How data folders are read.

    Args:
      root: the folder that relative paths in `wav.scp` start from; None: they are looked for
        from the working directory, the data folder and those around it.
      run_pipes: commands in `wav.scp` whose place a file cannot take are run, and what they
        write is kept as FLAC in `audio_folder`.
      audio_folder: where a data folder of that name keeps them.
    """

    root: Path | None = None
    run_pipes: bool = False
    audio_folder: Path = Path()


def read_kaldi(
    data_dir: str | Path, splits: Sequence[str] | None = None, options: KaldiOptions | None = None
) -> list[Split]:
    """Data folders, each a split of its name.

    Args:
      data_dir: a data folder, or a folder with several.
      splits: names of data folders in `data_dir`; None: all.

    Raises:
      InputError: there is none, or not those that were asked for.
    """
    root = existing_folder(data_dir, "a Kaldi data folder")
    if (root / "wav.scp").exists():
        folders = {folder_name(root): root}
    else:
        folders = {path.parent.name: path.parent for path in sorted(root.glob("*/wav.scp"))}
    if not folders:
        problem = Problem(str(root), "no wav.scp", "wav.scp and text, here or one folder below")
        raise InputError("The corpus cannot be read:", [problem])
    names = chosen(list(folders), splits, data_dir)
    return [_read_folder(name, folders[name], options or KaldiOptions()) for name in names]


def _read_folder(name: str, folder: Path, options: KaldiOptions) -> Split:
    split = Split(name)
    texts = read_table(folder / "text", split.problems, may_be_empty=True)
    scripts = read_table(folder / "wav.scp", split.problems)
    speakers = _optional(folder / "utt2spk", split.problems)
    if (folder / "segments").exists():
        segments = _read_segments(folder / "segments", split.problems)
        utterances = {key: segment.recording for key, segment in segments.items()}
    else:
        segments = {}
        utterances = {key: key for key in scripts}
    used = {utterances[key] for key in texts if key in utterances}
    wanted = {key: value for key, value in scripts.items() if key in used}
    recordings = find_recordings(
        wanted,
        folder,
        options.root,
        options.audio_folder / f"{name}-audio" if options.run_pipes else None,
        split.problems,
    )
    lists = "segments" if segments else "wav.scp"
    unheard = 0
    for key, (text, source) in texts.items():
        if key not in utterances:
            split.problems.append(Problem(source, f"{key}, which {lists} lacks", f"it in {lists}"))
            continue
        if utterances[key] not in scripts:
            found = f"{key} in {utterances[key]}, which wav.scp lacks"
            split.problems.append(Problem(segments[key].source, found, "a recording of wav.scp"))
            continue
        recording = recordings.get(utterances[key])
        if recording is None:
            unheard += 1  # The recording is among the problems, once.
            continue
        speaker, _ = speakers.get(key, (None, ""))
        if speaker == key:
            speaker = None  # Kaldi's way to say that nobody knows.
        split.entries.append(_entry(recording, text, source, segments.get(key), speaker))
    if unheard:
        split.notes.append(
            f"{counted(unheard, 'utterance')} left out, as their recording cannot be used"
        )
    for key in utterances:
        if key not in texts:
            source = segments[key].source if key in segments else scripts[key][1]
            split.problems.append(Problem(source, f"{key} without a transcript", "it in text"))
    for key, (_, source) in scripts.items():
        if segments and key not in used:
            split.left_out.append(f"{source}: recording {key}, of which no utterance is")
    return split


@dataclass(frozen=True)
class _Segment:
    """A line of `segments`; `end` is None where it is that of the recording."""

    recording: str
    start: float
    end: float | None
    channel: str | None
    source: str


def _entry(
    recording: Recording, text: str, source: str, segment: _Segment | None, speaker: str | None
) -> Entry:
    if segment is None:
        return Entry(recording.path, text, source, None, None, speaker, recording.channel)
    duration = None if segment.end is None else round(segment.end - segment.start, 6)
    channel = recording.channel or segment.channel
    return Entry(recording.path, text, source, segment.start, duration, speaker, channel)


def read_table(
    file: Path, problems: list[Problem], may_be_empty: bool = False
) -> dict[str, tuple[str, str]]:
    """The lines of a Kaldi file: name -> (value, `file:line`), in order."""
    table: dict[str, tuple[str, str]] = {}
    try:
        lines = read_text_lines(file)
    except InputError as error:
        problems += error.problems
        return table
    for number, line in enumerate(lines, start=1):
        source = f"{file}:{number}"
        if not line.strip():
            continue
        key, *rest = line.strip().split(None, 1)
        if not rest and not may_be_empty:
            problems.append(Problem(source, f"{key} alone", "a name and a value"))
        elif key in table:
            problems.append(Problem(source, f"{key} again, after {table[key][1]}", "it once"))
        else:
            table[key] = (rest[0] if rest else "", source)
    return table


def _optional(file: Path, problems: list[Problem]) -> dict[str, tuple[str, str]]:
    return read_table(file, problems) if file.exists() else {}


def _read_segments(file: Path, problems: list[Problem]) -> dict[str, _Segment]:
    segments = {}
    for key, (value, source) in read_table(file, problems).items():
        fields = value.split()
        try:
            start, end = float(fields[1]), float(fields[2])
            ends_later = 0 <= start < end < float("inf") or (end == -1 and start >= 0)
        except (IndexError, ValueError):
            ends_later = False
        if not ends_later or len(fields) > 4:
            expected = "utterance recording start end, in seconds, the end after the start or -1"
            problems.append(Problem(source, f"{key} {value}", expected))
            continue
        channel = fields[3] if len(fields) == 4 else None
        segments[key] = _Segment(fields[0], start, None if end == -1 else end, channel, source)
    return segments
