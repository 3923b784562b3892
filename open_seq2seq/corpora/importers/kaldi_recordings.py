"""The recordings of a Kaldi `wav.scp`: files, and commands in place of files."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import soundfile

from open_seq2seq.corpora.importers.parallel import in_parallel
from open_seq2seq.corpora.importers.pipes import Recording, decoded_file
from open_seq2seq.data.audio import AudioInfo
from open_seq2seq.data.headers import scan_headers
from open_seq2seq.errors import Problem
from open_seq2seq.files import replaced

_IN_ARCHIVE = re.compile(r".*:[0-9]+(\[.*\])?")
_BLOCK = 1 << 20  # samples


@dataclass(frozen=True)
class _Command:
    """A command to run: its recording, itself, `wav.scp:line`, what it is written to."""

    name: str
    command: str
    source: str
    target: Path


def find_recordings(
    scripts: Mapping[str, tuple[str, str]],
    folder: Path,
    root: Path | None,
    audio_folder: Path | None,
    problems: list[Problem],
) -> dict[str, Recording]:
    """The file of each recording.

    Args:
      scripts: name -> (what `wav.scp` says, `wav.scp:line`).
      folder: the data folder.
      root: what relative paths start from; None: the working directory, or else the data folder
        or one of the two around it, where the file is found.
      audio_folder: where the output of commands is kept as FLAC; None: they are not run.
      problems: takes what is wrong, once for each recording.
    """
    found: dict[str, Recording] = {}
    decoders: dict[str, _Command] = {}
    commands = []
    for name, (value, source) in scripts.items():
        is_command = value.endswith("|")
        if is_command:
            recording = decoded_file(value)
        else:
            recording = None if _IN_ARCHIVE.fullmatch(value) else Recording(value)
        if is_command and audio_folder is not None:
            target = audio_folder / f"{quote(name, safe='')}.flac"
            decoders[name] = _Command(name, value[:-1], source, target)
            if recording is None:
                commands.append(decoders[name])
                continue
        if recording is None:
            problems.append(_refused(value, source))
            continue
        path = _located(recording.path, folder, root)
        if path is None:
            remedy = "" if os.path.isabs(recording.path) else "Say what it is relative to: --root."
            problems.append(Problem(source, f"no file {recording.path}", "a recording", remedy))
            continue
        found[name] = Recording(path, recording.channel)
    commands += [decoders[name] for name in _need_decoder(found, decoders)]
    for command in commands:
        found.pop(command.name, None)
    found.update(_run(commands, root, problems))
    return found


def _need_decoder(found: Mapping[str, Recording], decoders: Mapping[str, _Command]) -> list[str]:
    """The recordings whose file cannot take the place of their command.

    libsndfile does not read it, or the command chooses one of several channels.
    """
    needed: list[str] = []
    names: list[str] = []
    for name in found:
        if name in decoders:
            # What an earlier run decoded is there.
            (needed if decoders[name].target.exists() else names).append(name)

    def scan(chunk: Sequence[str]) -> list[AudioInfo | Problem]:
        return scan_headers([found[name].path for name in chunk])

    for chunk, headers in in_parallel(scan, names, "Files behind commands of wav.scp"):
        for name, header in zip(chunk, headers):
            if isinstance(header, Problem) or (found[name].channel and header.channels > 1):
                needed.append(name)
    return needed


def _refused(value: str, source: str) -> Problem:
    if not value.endswith("|"):
        remedy = "Write the recordings to files, and name these."
        return Problem(source, f"{value}, a place in an archive", "an audio file", remedy)
    remedy = "If you trust it, --run_pipes runs it once and keeps what it writes as FLAC."
    expected = "a file, or a command that only decodes one (flac, sph2pipe, sox, ffmpeg, cat)"
    return Problem(source, f"the command {value}", expected, remedy)


def _located(path: str, folder: Path, root: Path | None) -> str | None:
    """Where a file of `wav.scp` is; None: nowhere."""
    places = [root] if root else [Path(), folder, folder.parent, folder.parent.parent]
    # Path.is_file fails where no name can be so long.
    candidates = (os.path.join(place, path) for place in places)
    return next((file for file in candidates if os.path.isfile(file)), None)


def _run(
    commands: Sequence[_Command], root: Path | None, problems: list[Problem]
) -> dict[str, Recording]:
    """Runs the commands whose output is not there yet."""

    def run(chunk: Sequence[_Command]) -> list[Problem | None]:
        return [_run_one(command, root) for command in chunk]

    found = {}
    # One command is work enough for a thread.
    for chunk, results in in_parallel(run, commands, "Running commands of wav.scp", chunk=1):
        for command, problem in zip(chunk, results):
            if problem:
                problems.append(problem)
            else:
                found[command.name] = Recording(str(command.target))
    return found


def _run_one(command: _Command, root: Path | None) -> Problem | None:
    """Runs a command in a shell, as Kaldi does, and keeps its WAV output as FLAC."""
    if command.target.exists():
        return None
    command.target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile() as output:
        ended = subprocess.run(
            command.command,
            shell=True,
            cwd=root,
            stdout=output,
            stderr=subprocess.PIPE,
            check=False,
        )
        if ended.returncode:
            said = ended.stderr.decode(errors="replace").strip()[-200:]
            found = f"the command {command.command.strip()} ended with {ended.returncode}: {said}"
            return Problem(command.source, found, "one that writes WAV")
        output.seek(0)
        try:
            with replaced(command.target) as draft:
                _write_flac(output.fileno(), draft)
        except (soundfile.SoundFileError, OSError) as error:
            found = f"the output of {command.command.strip()}: {error}"
            return Problem(command.source, found, "WAV")
    return None


def _write_flac(output: int, path: Path) -> None:
    """Copies WAV to FLAC, with all its bits up to FLAC's 24."""
    with soundfile.SoundFile(output, closefd=False) as wav:
        subtype = wav.subtype if wav.subtype in ("PCM_S8", "PCM_16") else "PCM_24"
        with soundfile.SoundFile(
            path, "w", wav.samplerate, wav.channels, subtype, format="FLAC"
        ) as flac:
            for block in wav.blocks(_BLOCK, dtype="int32"):
                flac.write(block)
