"""Writes small recordings and manifests for the tests."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import soundfile


def write_audio(path: Path, seconds: float, rate: int = 16000, channels: int = 1) -> Path:
    """Writes a tone in noise; each path has its own."""
    rng = np.random.default_rng(list(path.name.encode()))
    time = np.arange(round(seconds * rate))[:, None] / rate
    signal = 0.3 * np.sin(2 * np.pi * rng.uniform(200, 2000) * time)
    signal = np.tile(signal, (1, channels)) + 0.01 * rng.standard_normal((len(time), channels))
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, signal, rate)
    return path


def write_csv(path: Path, rows: list[tuple[str, str]]) -> str:
    """Writes a manifest of (wav_filename, transcript)."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["wav_filename", "wav_filesize", "transcript"])
        writer.writerows((name, 0, text) for name, text in rows)
    return str(path)
