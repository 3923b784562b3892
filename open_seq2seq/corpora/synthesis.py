"""Synthetic speech: a list of sentences, spoken by several voices, as a corpus.

The layout is the one of `syn_enable`: each voice has a folder in which it speaks every sentence,
under the same name, and a manifest has `{}` in place of the folder.

    <output>/synthetic.csv           {}/5b1e0c7a9d3f4e21.flac,-1,the text,
    <output>/en-us+f2/5b1e0c7a9d3f4e21.flac
    <output>/en-gb/5b1e0c7a9d3f4e21.flac
    <output>/synthetic-en-gb.csv     one voice as a manifest of its own, with durations
    <output>/synthesis.json          what it was made with
    <output>/synthetic-not_spoken.csv sentences that could not be spoken, if there were any
"""

from __future__ import annotations

import hashlib
import json
import random
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile

from open_seq2seq.corpora import espeak
from open_seq2seq.corpora.importers.parallel import progress
from open_seq2seq.corpora.importers.texts import single_spaced
from open_seq2seq.data.audio import AudioInfo, resample
from open_seq2seq.data.headers import scan_headers
from open_seq2seq.data.loader import load_in_order
from open_seq2seq.data.manifest import read_manifests
from open_seq2seq.data.normalization import normalizer
from open_seq2seq.data.text_files import read_lines
from open_seq2seq.errors import InputError, Problem, RunError
from open_seq2seq.files import parsed_json, replaced, write_csv, write_whole
from open_seq2seq.native_build.cpu import available_cores

VOICES = ("en-us", "en-us+f2", "en-us+m3", "en-us+f4",
          "en-gb", "en-gb+f3", "en-gb+m7", "en-gb-scotland+f5")  # fmt: skip
SETTINGS = "synthesis.json"
_DIGITS = 16  # of a text's hash, in a file's name


@dataclass(frozen=True)
class Settings:
    """What changes the sound of a sentence; files made with others are not mixed.

    Args:
      speeds: lowest and highest speed in words per minute; each recording has one in between.
      pitches: lowest and highest pitch, 0 to 99; 50 is the voice's own.
      seed: the source of both.
      sample_freq: of the recordings, in Hz.
      format: "flac" or "wav", 16 bits.
    """

    speeds: tuple[int, int] = (140, 200)
    pitches: tuple[int, int] = (35, 65)
    seed: int = 0
    sample_freq: int = 16000
    format: str = "flac"

    def problems(self) -> list[Problem]:
        """What is wrong with them."""
        found = []
        for flag, values, low, high in (("speeds", self.speeds, 80, 450),
                                        ("pitches", self.pitches, 0, 99)):  # fmt: skip
            if not low <= values[0] <= values[1] <= high:
                shown = " ".join(map(str, values))
                expected = f"a lowest and a highest one, from {low} to {high}"
                found.append(Problem(f"--{flag}", shown, expected))
        if self.sample_freq < 1:
            found.append(Problem("--sample_freq", str(self.sample_freq), "a rate in Hz"))
        return found


@dataclass(frozen=True)
class Sentence:
    """A text to speak.

    Args:
      text: as it is spoken.
      transcript: as the manifest has it.
      source: `file:line`, for messages.
    """

    text: str
    transcript: str
    source: str

    @property
    def name(self) -> str:
        """Of its files, without ending: the same text always has the same one."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:_DIGITS]


def read_sentences(
    files: Sequence[str],
    text_normalization: str | None = None,
    sample: int | None = None,
    seed: int = 0,
) -> list[Sentence]:
    """The sentences of text files (one a line) and manifests.

    Args:
      files: text, CSV with a column `transcript`, or manifests of any kind; text and CSV also
        as .gz.
      text_normalization: of the transcripts, not of what is spoken: punctuation shapes speech.
        Their white space becomes single spaces in any case.
      sample: take so many of them, drawn at random, in their order; None: all.
      seed: of that draw.

    Raises:
      InputError: a file cannot be read, or there are too few sentences.
    """
    normalize = normalizer(text_normalization)
    found = []
    for file in files:
        rows: Iterable[tuple[str, str]]
        if _is_manifest(file):
            rows = [(u.source, u.transcript or "") for u in read_manifests([file], True)]
        else:
            rows = read_lines([file])
        found += [(source, text) for source, text in rows if text.strip()]
    if not found or (sample is not None and sample > len(found)):
        expected = "at least one sentence" if sample is None else f"at least {sample} sentences"
        problem = Problem(", ".join(files), f"{len(found)} sentences", expected)
        raise InputError("There is too little text:", [problem])
    if sample is not None:
        rows_taken = sorted(random.Random(seed).sample(range(len(found)), sample))
        found = [found[row] for row in rows_taken]
    return [Sentence(text, normalize(single_spaced(text)), source) for source, text in found]


def _is_manifest(file: str) -> bool:
    """Whether a file is more than lines or a column of text, as far as its first line tells."""
    if file.endswith((".json", ".jsonl")):
        return True
    if not file.endswith(".csv"):
        return False
    with suppress(OSError, UnicodeDecodeError), open(file, encoding="utf-8-sig") as stream:
        header = stream.readline()
        # Without a header it has two columns, which are paths.
        return "wav_filename" in header or "transcript" not in header
    return False  # what is wrong is said by the one who reads it


@dataclass(frozen=True)
class Result:
    """What was made.

    Args:
      manifest: the CSV for `syn_enable`.
      sentences: its rows.
      hours: of speech, of all voices together.
      kept: recordings that were there already.
      not_spoken: the sentences that are left out, with the reason.
      report: the CSV that lists them.
    """

    manifest: Path
    sentences: int
    hours: float
    kept: int
    not_spoken: list[dict[str, str]]
    report: Path


def synthesise(
    sentences: Sequence[Sentence],
    output: Path,
    voices: Sequence[str] = VOICES,
    settings: Settings | None = None,
    name: str = "synthetic",
    jobs: int | None = None,
) -> Result:
    """Speaks every sentence with every voice, and writes the manifests.

    Files that are there are kept, so an interrupted call may be repeated. Speed and pitch of a
    recording come from the seed, the voice and the text: neither the order of the sentences nor
    the number of threads changes one.

    Args:
      output: the folder; made if missing.
      name: of the manifest, without ending.
      jobs: sentences spoken at the same time; None: as many as there are cores.

    Raises:
      InputError: settings, voices, or the folder's content do not fit, or eSpeak NG is missing.
      RunError: nothing could be spoken, or a file cannot be written.
    """
    settings = settings or Settings()
    if settings.problems():
        raise InputError("The settings do not fit:", settings.problems())
    program = espeak.find_program()
    espeak.check_voices(program, voices)
    _check_folder(output, settings, espeak.version(program))
    problems: dict[str, dict[str, str]] = {}
    spoken = []
    for sentence in {one.name: one for one in sentences}.values():
        if sentence.transcript:
            spoken.append(sentence)
        else:
            why = "no word is left of it by the text normalisation"
            problems[sentence.name] = _problem(sentence, "", why)
    kept = _speak_all(program, spoken, output, voices, settings, jobs, problems)
    rows = [one for one in sentences if one.name not in problems]
    report = output / f"{name}-not_spoken.csv"
    report.unlink(missing_ok=True)
    if problems:
        write_csv(report, list(problems.values()))
    if not rows:
        first = next(iter(problems.values()))
        raise RunError(f"None of the sentences could be spoken ({first['reason']}); see {report}.")
    manifest = output / f"{name}.csv"
    hours = _write_manifests(rows, output, manifest, voices, settings)
    return Result(manifest, len(rows), hours, kept, list(problems.values()), report)


def _check_folder(output: Path, settings: Settings, version: str) -> None:
    """Files of other settings in the folder are not mixed with new ones."""
    path = output / SETTINGS
    wanted = {**json.loads(json.dumps(asdict(settings))), "espeak-ng": version}
    try:
        there = parsed_json(path.read_bytes())
        if not isinstance(there, dict):
            raise ValueError("no JSON object")
    except FileNotFoundError:
        write_whole(path, json.dumps(wanted, indent=1) + "\n")
        return
    except (OSError, ValueError) as error:
        problem = Problem(str(path), str(error), "what synthetic speech was made with")
        raise InputError("The folder cannot be used:", [problem]) from error
    remedy = "Give another --output, or delete this one."
    different = [
        Problem(f"{path}: {key}", str(there.get(key)), str(value), remedy)
        for key, value in wanted.items()
        if there.get(key) != value
    ]
    if different:
        raise InputError("The folder holds speech that was made otherwise:", different)


def _speak_all(
    program: str,
    sentences: Sequence[Sentence],
    output: Path,
    voices: Sequence[str],
    settings: Settings,
    jobs: int | None,
    problems: dict[str, dict[str, str]],
) -> int:
    """Makes the files that are missing; adds to `problems`; returns how many were there."""
    for voice in voices:
        (output / voice).mkdir(parents=True, exist_ok=True)
    pairs = [(sentence, voice) for sentence in sentences for voice in voices]
    missing = [pair for pair in pairs if not _path(output, *pair, settings).exists()]

    def work(pair: tuple[Sentence, str], stop: threading.Event) -> dict[str, str] | None:
        sentence, voice = pair
        if sentence.name in problems:  # another voice could not speak it
            return None
        try:
            _make(program, sentence, voice, _path(output, *pair, settings), settings)
        except espeak.NotSpoken as error:
            return _problem(sentence, voice, str(error))
        return None

    with progress("speaking", len(pairs), done=len(pairs) - len(missing)) as advance:
        threads = jobs or available_cores()
        for (sentence, _), problem in zip(missing, load_in_order(work, missing, threads)):
            if problem is not None:
                problems.setdefault(sentence.name, problem)
            advance(1)
    return len(pairs) - len(missing)


def _path(output: Path, sentence: Sentence, voice: str, settings: Settings) -> Path:
    return output / voice / f"{sentence.name}.{settings.format}"


def _make(program: str, sentence: Sentence, voice: str, path: Path, settings: Settings) -> None:
    drawn = random.Random(f"{settings.seed} {voice} {sentence.name}")
    speed, pitch = (drawn.randint(*limits) for limits in (settings.speeds, settings.pitches))
    samples, rate = espeak.speak(program, sentence.text, voice, speed, pitch)
    samples = np.clip(resample(samples, rate, settings.sample_freq), -1, 1)
    try:
        with replaced(path) as draft:
            kind = settings.format.upper()
            soundfile.write(draft, samples, settings.sample_freq, "PCM_16", format=kind)
    except (OSError, soundfile.SoundFileError) as error:
        raise RunError(f"{path} cannot be written: {error}") from error


def _problem(sentence: Sentence, voice: str, why: str) -> dict[str, str]:
    return {"source": sentence.source, "text": sentence.text, "voice": voice, "reason": why}


def _write_manifests(
    rows: Sequence[Sentence],
    output: Path,
    manifest: Path,
    voices: Sequence[str],
    settings: Settings,
) -> float:
    """The one for `syn_enable`, and one of each voice; returns the hours of all voices."""
    seconds = 0.0
    for voice in voices:
        own = list(_rows_of_voice(rows, output, voice, settings))
        write_csv(output / f"{manifest.stem}-{voice}.csv", own)
        seconds += sum(float(row["duration"]) for row in own)
    # With several voices a sentence has no one length; the headers are read then.
    write_csv(
        manifest,
        [
            {
                "wav_filename": f"{{}}/{one.name}.{settings.format}",
                "wav_filesize": -1,
                "transcript": one.transcript,
            }
            for one in rows
        ],
    )
    return seconds / 3600


def _rows_of_voice(
    rows: Sequence[Sentence], output: Path, voice: str, settings: Settings
) -> Iterator[dict[str, str | float]]:
    paths = [_path(output, one, voice, settings) for one in rows]
    headers = scan_headers([str(path) for path in paths])
    problems = [header for header in headers if isinstance(header, Problem)]
    if problems:
        raise InputError("Recordings cannot be read; delete them and run this again:", problems)
    for one, path, header in zip(rows, paths, headers):
        assert isinstance(header, AudioInfo)
        yield {
            "wav_filename": f"{voice}/{path.name}",
            "wav_filesize": path.stat().st_size,
            "transcript": one.transcript,
            "duration": round(header.duration, 4),
        }
