"""Commands in `wav.scp`: those that only decode a file are replaced by the file.

Kaldi reads WAV, so its data folders name other files as commands that write WAV
(`flac -c -d -s a.flac |`). libsndfile reads most of these files itself.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass

# A shell makes something of these, such as a second command.
_SHELL = set("|&;<>$`*?~")

# Options that choose no part of the recording and do not change how it sounds; what follows
# an option of the second kind is its value. Rates are converted when a recording is read.
_FLAC = {"-c", "-d", "-s", "--stdout", "--decode", "--silent", "--totally-silent", "--force"}
_SPH2PIPE_PLAIN, _SPH2PIPE_VALUED = {"-p"}, {"-f"}
_SOX_PLAIN, _SOX_VALUED = {"-S", "-q", "-G", "-R", "-V0", "-V1"}, {"-t", "-r", "-b", "-e", "-c"}
_FFMPEG_PLAIN = {"-hide_banner", "-nostdin", "-y", "-vn"}
_FFMPEG_VALUED = {
    *("-f", "-ar", "-ac", "-acodec", "-c:a", "-codec:a"),
    *("-loglevel", "-v", "-threads", "-sample_fmt"),
}


@dataclass(frozen=True)
class Recording:
    """The file of a recording.

    Args:
      path: as `wav.scp` names it.
      channel: the one that is meant; None: all of them.
    """

    path: str
    channel: str | None = None


def decoded_file(command: str) -> Recording | None:
    """The file that `command` writes as WAV to its output, unchanged otherwise.

    Args:
      command: a line of `wav.scp` behind its name, with the `|` at its end.

    Returns:
      None if it does more than that, or is none of the commands known here: flac, sph2pipe, sox,
      ffmpeg and cat.
    """
    command = command.strip().removesuffix("|")
    if _SHELL.intersection(command):
        return None
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    parse = _PARSERS.get(os.path.basename(words[0])) if words else None
    return parse(words[1:]) if parse else None


def _flac(words: list[str]) -> Recording | None:
    files, decodes = [], False
    for word in words:
        letters = set(word[1:])
        if word.startswith("-") and not word.startswith("--") and letters <= set("cdsf"):
            decodes |= "d" in letters
        elif word in _FLAC:
            decodes |= word == "--decode"
        else:
            files.append(word)
    return _one_file(files) if decodes else None


def _sph2pipe(words: list[str]) -> Recording | None:
    files, channel = [], None
    rest = iter(words)
    for word in rest:
        if word in _SPH2PIPE_VALUED:
            next(rest, None)
        elif word == "-c":
            channel = next(rest, "")
        elif word not in _SPH2PIPE_PLAIN:
            files.append(word)
    found = _one_file(files)
    return found and Recording(found.path, channel)


def _sox(words: list[str]) -> Recording | None:
    files = []
    rest = iter(words)
    for word in rest:
        if word in _SOX_VALUED:
            value = next(rest, "")
            # -c on the way out mixes channels; more than one would be something else.
            if word == "-c" and value != "1":
                return None
        elif word not in _SOX_PLAIN:
            files.append(word)
    # Behind the output there would be effects.
    return _one_file(files[:1]) if len(files) == 2 and files[1] == "-" else None


def _ffmpeg(words: list[str]) -> Recording | None:
    files, outputs = [], []
    rest = iter(words)
    for word in rest:
        if word == "-i":
            files.append(next(rest, ""))
        elif word in _FFMPEG_VALUED:
            value = next(rest, "")
            if word == "-ac" and value != "1":
                return None
        elif word not in _FFMPEG_PLAIN:
            outputs.append(word)
    return _one_file(files) if outputs in (["-"], ["pipe:1"], ["pipe:"]) else None


def _one_file(words: list[str]) -> Recording | None:
    if len(words) != 1 or words[0].startswith("-") or not words[0]:
        return None
    return Recording(words[0])


_PARSERS: dict[str, Callable[[list[str]], Recording | None]] = {
    "flac": _flac,
    "sph2pipe": _sph2pipe,
    "sox": _sox,
    "ffmpeg": _ffmpeg,
    "cat": _one_file,
}
