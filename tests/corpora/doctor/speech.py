"""A small corpus without faults, into which the tests plant them."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile

from open_seq2seq.corpora.doctor.diagnosis import Diagnosis, diagnose
from open_seq2seq.corpora.doctor.findings import Finding
from open_seq2seq.corpora.doctor.split import split_of
from open_seq2seq.data.manifest import read_manifests
from open_seq2seq.data.text import Vocabulary

RATE = 16000
LETTERS = "aeionrst"
VOCABULARY = Vocabulary(" " + LETTERS)
_PER_SECOND = 14  # characters


@dataclass
class Item:
    """A row of a manifest and its sound."""

    name: str
    text: str
    sound: np.ndarray
    rate: int = RATE
    speaker: str = ""
    subtype: str | None = None

    def but(self, **changes) -> Item:
        """A copy with something changed."""
        return replace(self, **changes)


def make_speech(seconds: float, rng: np.random.Generator, rate: int = RATE) -> np.ndarray:
    """Noise of all frequencies in syllables and pauses, at -25 dBFS."""
    count = round(seconds * rate)
    time = np.arange(count) / rate
    syllables = 0.5 + 0.5 * np.sin(2 * np.pi * rng.uniform(3, 5) * time + rng.uniform(0, 6))
    slow = 0.6 + 0.4 * np.sin(2 * np.pi * rng.uniform(0.5, 1.5) * time + rng.uniform(0, 6))
    noise = rng.standard_normal(count)
    sound = noise * (0.05 + syllables) * slow
    return (sound * 10 ** (-25 / 20) / np.sqrt(np.mean(sound**2))).astype(np.float32)


def make_text(characters: int, rng: np.random.Generator) -> str:
    """Words of two to six letters."""
    text = ""
    while len(text) < characters:
        text += "".join(rng.choice(list(LETTERS), rng.integers(2, 7))) + " "
    text = text[:characters]
    return text[:-1] + "a" if text.endswith(" ") else text


def make_items(count: int, seed: int, prefix: str = "train", speakers: int = 2) -> list[Item]:
    """Recordings of 1.2 to 2 s, with texts that fit."""
    rng = np.random.default_rng(seed)
    items = []
    for index in range(count):
        seconds = float(rng.uniform(1.2, 2.0))
        text = make_text(round(seconds * _PER_SECOND * rng.uniform(0.9, 1.1)), rng)
        speaker = f"{prefix}{index % speakers}"
        name = f"{prefix}{index}.wav"
        items.append(Item(name, text, make_speech(seconds, rng), speaker=speaker))
    return items


def write_split(folder: Path, name: str, items: list[Item]) -> str:
    """Writes the recordings that are not there yet, and a manifest."""
    manifest = folder / f"{name}.csv"
    with manifest.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["wav_filename", "wav_filesize", "transcript", "speaker"])
        for item in items:
            if len(item.sound) and not (folder / item.name).exists():
                soundfile.write(folder / item.name, item.sound, item.rate, item.subtype)
            writer.writerow([item.name, 0, item.text, item.speaker])
    return str(manifest)


def examine(
    folder: Path, items: list[Item], held_out: list[Item] | None = None, vocabulary=None, **options
) -> Diagnosis:
    """The doctor's word on recordings."""
    splits = []
    for name, rows in (("train", items), ("dev", held_out)):
        if rows is not None:
            file = write_split(folder, name, rows)
            utterances = read_manifests([file], True)
            splits.append(
                split_of(name, [file], utterances, RATE, vocabulary, held_out=name == "dev")
            )
    return diagnose(splits, workers=1, **options)


def found(diagnosis: Diagnosis) -> dict[tuple[str, str], Finding]:
    """The findings by level and check: each is there once in these tests."""
    return {(finding.level, finding.check): finding for finding in diagnosis.findings}
