"""What `open-seq2seq data split` does, step by step."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from open_seq2seq.corpora.importers.entries import counted
from open_seq2seq.corpora.manifest_csv import manifest_csv
from open_seq2seq.corpora.splitting.choose import REST, choose
from open_seq2seq.corpora.splitting.groups import KEYS, Group, grouped, most_common, shared
from open_seq2seq.corpora.splitting.sizes import Size
from open_seq2seq.data.headers import scan_headers
from open_seq2seq.data.manifest import Utterance, read_manifests
from open_seq2seq.data.speakers import speaker_of
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.files import write_whole
from open_seq2seq.metrics.wording import duration

_log = logging.getLogger(__name__)


# A split that misses its size by more than this share of it is said to do so.
_NEAR = 0.1
_SUMMARY = "The data cannot be split:"


@dataclass(frozen=True)
class Options:
    """What is wanted.

    Args:
      manifests: of any kind that training reads.
      folder: where the splits go.
      sizes: of the splits besides `train`.
      apart: what lies on one side only, of `groups.KEYS`; None: recordings, and speakers where
        they are known and more than one.
      seed: of the draw.
      overwrite: files of the splits' names may be there.
    """

    manifests: Sequence[str]
    folder: Path
    sizes: Mapping[str, Size]
    apart: Sequence[str] | None = None
    seed: int = 0
    overwrite: bool = False


def split(options: Options) -> dict[str, list[Utterance]]:
    """Splits, writes `train.csv` and the other splits, and says what it did.

    Raises:
      InputError: the manifests cannot be read or divided, or a file is there already.
      RunError: a file cannot be written.
    """
    paths = {name: options.folder / f"{name}.csv" for name in (REST, *options.sizes)}
    _check_places(paths, options)
    utterances = _with_durations(read_manifests(list(options.manifests), need_transcript=True))
    keys = _keys(utterances, options)
    groups = grouped(utterances, keys)
    try:
        chosen = choose(groups, options.sizes, options.seed)
    except InputError as error:
        raise InputError(error.summary, [_explained(p, groups, utterances, keys)
                                         for p in error.problems]) from None  # fmt: skip
    rows = {
        name: sorted(row for group in some for row in group.rows) for name, some in chosen.items()
    }
    splits = {name: [utterances[row] for row in some] for name, some in rows.items()}
    options.folder.mkdir(parents=True, exist_ok=True)
    for name, some in splits.items():
        write_whole(paths[name], manifest_csv(some, str(paths[name].parent)))
    together = " and ".join(f"{key}s" for key in keys) or "nothing"
    _log.info(f"On one side only: {together} (--apart); seed {options.seed}")
    total = sum(one.duration or 0.0 for one in utterances)
    for name, some in splits.items():
        _log.info(f"{paths[name]}: {_described(some, total, options.sizes.get(name))}")
    for name in options.sizes:
        for key in KEYS:
            count = shared(splits[name], splits[REST], key)
            if count:
                verb = "is" if count == 1 else "are"
                _log.info(f"Note: {counted(count, key)} of {name} {verb} in {REST} too")
    return splits


def _check_places(paths: Mapping[str, Path], options: Options) -> None:
    problems = []
    for path in paths.values():
        if not path.exists():
            continue
        if any(os.path.exists(one) and path.samefile(one) for one in options.manifests):
            remedy = "Choose another folder: --output."
            problems.append(Problem(str(path), "a manifest that is split", "another file", remedy))
        elif not options.overwrite:
            remedy = "Choose another folder (--output), or give --overwrite."
            problems.append(Problem(str(path), "a file that is there", "a new file", remedy))
    if problems:
        raise InputError("The splits would overwrite files:", problems)


def _with_durations(utterances: Sequence[Utterance]) -> list[Utterance]:
    """Utterances with durations; where the manifest has none, their headers are read.

    Raises:
      InputError: some cannot be.
    """
    unknown = list({one.path: None for one in utterances if one.duration is None})
    headers = dict(zip(unknown, scan_headers(unknown)))
    problems, known = [], []
    for one in utterances:
        header = headers.get(one.path) if one.duration is None else None
        if isinstance(header, Problem):
            found = f"{header.where}: {header.found}"
            problems.append(replace(header, where=one.source, found=found))
        elif header is not None:
            rest = header.duration - (one.offset or 0.0)
            known.append(replace(one, duration=round(rest, 6)))
        else:
            known.append(one)
    if problems:
        raise InputError(
            "The length of some recordings is not known; scripts/check_data.py --write_clean "
            "writes a manifest without them:",
            problems,
        )
    return known


def _keys(utterances: Sequence[Utterance], options: Options) -> list[str]:
    """What must not be on two sides.

    Raises:
      InputError: speakers are asked for and not known.
    """
    unknown = [one for one in utterances if speaker_of(one) is None]
    wants = any(size.unit == "speakers" for size in options.sizes.values())
    asked = options.apart is not None and "speaker" in options.apart
    if wants and options.apart is not None and not asked:
        found, expected = f"{' '.join(options.apart) or 'none'}", "speaker, for a size in speakers"
        raise InputError(_SUMMARY, [Problem("--apart", found, expected)])
    if unknown and (asked or wants):
        flag = "--apart" if asked else "speakers as a size"
        found = f"{len(unknown)} of {len(utterances)} utterances without, {unknown[0].source} first"
        remedy = "Importers write the column: --speaker_folder, --speaker_pattern, --speaker."
        raise InputError(_SUMMARY, [Problem(flag, found, "a speaker for each", remedy)])
    if options.apart is not None:
        return [key for key in KEYS if key in options.apart]
    speakers = {speaker_of(one) for one in utterances} - {None}
    if len(speakers) > 1 or wants:
        if unknown:
            _log.info(
                f"Note: {len(unknown)} utterances have no speaker; theirs may be in several splits"
            )
        return ["speaker", "recording"]
    why = f"all is by one speaker, {speakers.pop()}" if speakers else "no speakers are named"
    _log.info(f"Note: {why}: every split has voices of the others")
    return ["recording"]


def _explained(
    problem: Problem, groups: Sequence[Group], utterances: Sequence[Utterance], keys: Sequence[str]
) -> Problem:
    """With what holds the data together, where there are too few groups."""
    if problem.where.startswith("--") or not keys:
        return problem
    rows = max(groups, key=lambda group: len(group.rows)).rows
    # What may be given up, speakers last.
    fewer = [
        key
        for key in reversed(keys)
        if len(grouped(utterances, [one for one in keys if one != key])) > len(groups)
    ]
    remedy = ""
    if fewer:
        value = most_common(utterances, rows, fewer[0])
        others = " ".join(key for key in keys if key != fewer[0]) or "none"
        remedy = (
            f"{fewer[0].capitalize()}s hold it together, {value!r} most of all; --apart {others}"
        )
        remedy += " splits it without regard to them."
    return replace(problem, remedy=remedy)


def _described(split: Sequence[Utterance], total: float, size: Size | None) -> str:
    seconds = sum(one.duration or 0.0 for one in split)
    text = f"{counted(len(split), 'utterance')}, {duration(seconds, decimals=2)}"
    text += f" ({100 * seconds / max(total, 1e-9):.1f} %)"
    speakers = {speaker_of(one) for one in split} - {None}
    if speakers:
        text += f", {counted(len(speakers), 'speaker')}"
    if size is not None:
        got = {"seconds": seconds, "share": seconds / max(total, 1e-9), "utterances": len(split),
               "speakers": len(speakers)}[size.unit]  # fmt: skip
        if abs(got - size.amount) > _NEAR * size.amount:
            text += f"; {size.written} was asked for, and what stays together comes no nearer"
    return text
