"""eSpeak NG, the program that speaks: which voices it has, and text to samples."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from open_seq2seq.errors import InputError, Problem, RunError

PROGRAM = "espeak-ng"
_REMEDY = (
    "Install it: `apt-get install espeak-ng` (Debian, Ubuntu), `dnf install espeak-ng` (Fedora), "
    "`brew install espeak-ng` (macOS)."
)
# A sentence takes hundredths of a second.
_PATIENCE = 60
# Quieter than this is silence: what it makes of a line of dots.
_SILENCE = 1e-3


class NotSpoken(Exception):
    """A sentence that the program can make nothing of; the message says why."""


def find_program() -> str:
    """Its path.

    Raises:
      InputError: it is not there.
    """
    path = shutil.which(PROGRAM)
    if path is None:
        problem = Problem(PROGRAM, "nothing of that name on the PATH", "eSpeak NG", _REMEDY)
        raise InputError("Speech cannot be made:", [problem])
    return path


def check_voices(program: str, voices: Sequence[str]) -> None:
    """Checks names of voices: a language or voice, and after a `+` a variant: `en-us+f2`.

    Raises:
      InputError: naming all that the program does not have.
    """
    # It speaks with a language's usual voice where the variant is unknown, and says nothing.
    listed = _run([program, "--voices=variant"]).splitlines()[1:]
    variants = {word.partition("/")[2] for line in listed for word in line.split() if "!v/" in word}
    problems = []
    for voice in voices:
        base, plus, variant = voice.partition("+")
        if plus and variant not in variants:
            remedy = f"`{PROGRAM} --voices=variant` lists them, `f2` for `!v/f2`."
            problems.append(Problem(voice, f"an unknown variant {variant!r}", "a variant", remedy))
        try:
            speak(program, "a", base)
        except NotSpoken as error:
            remedy = f"`{PROGRAM} --voices` lists them."
            problems.append(Problem(voice, str(error), "a voice of eSpeak NG", remedy))
    if problems:
        raise InputError("These voices cannot be used:", problems)


def version(program: str) -> str:
    """The version as the program says it, such as `1.51`."""
    said = _run([program, "--version"])
    return said.partition(":")[2].split()[0] if ":" in said else said.strip()


def speak(
    program: str, text: str, voice: str, speed: int = 175, pitch: int = 50
) -> tuple[np.ndarray, int]:
    """Speaks a text.

    Args:
      program: its path.
      voice: `en-us`, or with a variant `en-us+f2`.
      speed: words per minute, 80 to 450.
      pitch: 0 to 99; 50 is the voice's own.

    Returns:
      Samples [n] float32 and their rate in Hz.

    Raises:
      NotSpoken: it failed, or what it said cannot be heard.
    """
    with tempfile.TemporaryDirectory(prefix="speech") as folder:
        target = Path(folder) / "speech.wav"
        options = ["-v", voice, "-s", str(speed), "-p", str(pitch), "-w", str(target)]
        try:
            done = subprocess.run(
                # The text as input: an argument could be taken for an option.
                [program, *options, "--stdin"],
                input=text.encode(),
                capture_output=True,
                timeout=_PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise NotSpoken(f"no speech after {_PATIENCE} s") from None
        except OSError as error:
            raise RunError(f"{program} cannot be started: {error}") from error
        if done.returncode or not target.is_file():
            said = done.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
            raise NotSpoken(said or f"exit code {done.returncode} and no speech")
        try:
            samples, rate = soundfile.read(target, dtype="float32")
        except soundfile.SoundFileError as error:
            raise NotSpoken(f"no audio ({error})") from error
    if not len(samples) or np.abs(samples).max() < _SILENCE:
        raise NotSpoken("silence")
    return samples, rate


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RunError(f"{' '.join(command)} failed: {done.stderr.strip()}")
    return done.stdout
