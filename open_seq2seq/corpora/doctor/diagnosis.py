"""All checks of a corpus together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from open_seq2seq.corpora.doctor.audio_findings import audio_findings
from open_seq2seq.corpora.doctor.characters import vocabulary_findings
from open_seq2seq.corpora.doctor.duplicates import (
    duplicate_findings,
    leak_findings,
    plain_text,
)
from open_seq2seq.corpora.doctor.findings import LEVELS, Finding
from open_seq2seq.corpora.doctor.measure import Measurement
from open_seq2seq.corpora.doctor.outliers import label_rates, outlier_findings
from open_seq2seq.corpora.doctor.scan import measure_all
from open_seq2seq.corpora.doctor.split import Split
from open_seq2seq.corpora.doctor.start import damaged_findings, start_findings
from open_seq2seq.corpora.doctor.text_findings import text_findings
from open_seq2seq.corpora.doctor.thresholds import Thresholds
from open_seq2seq.errors import Problem
from open_seq2seq.files import JsonObject


@dataclass
class Diagnosis:
    """What the doctor says of a corpus.

    Args:
      splits: the data, with their measurements.
      findings: the worst level first.
      limits: the thresholds.
      listened: whether the samples were read, not only the headers.
    """

    splits: Sequence[Split]
    findings: list[Finding]
    limits: Thresholds = field(default_factory=Thresholds)
    listened: bool = True

    def count(self, level: str) -> int:
        """Findings of a level."""
        return sum(finding.level == level for finding in self.findings)

    def fails(self, fail_on: str) -> bool:
        """Whether there is a finding of the level `fail_on` ("never": of none) or a worse one."""
        if fail_on == "never":
            return False
        return any(self.count(level) for level in LEVELS[: LEVELS.index(fail_on) + 1])


def diagnose(
    splits: Sequence[Split],
    limits: Thresholds | None = None,
    listen: bool = True,
    workers: int | None = None,
    advance: Callable[[int], None] = lambda count: None,
    measure: Callable[[Split, Thresholds], list[Measurement | Problem]] | None = None,
) -> Diagnosis:
    """Measures the recordings of all splits, and does every check.

    Args:
      splits: training data and held-out data.
      limits: the thresholds; None: the usual ones.
      listen: reads the samples. Otherwise only what headers and texts tell is checked.
      workers: threads that read; None: one per core.
      advance: is told how many more recordings are read.
      measure: what reads the recordings of a split instead of threads.
    """
    limits = limits or Thresholds()
    for split in splits if listen else ():
        if measure is None:
            split.measured = measure_all(split.recordings, limits, workers, advance)
        else:
            split.measured = measure(split, limits)
    findings: list[Finding] = []
    for split in splits:
        findings += start_findings(split)
        findings += damaged_findings(split)
        findings += outlier_findings(split, limits)
        findings += audio_findings(split, limits)
        findings += text_findings(split)
    trained = [split for split in splits if not split.held_out]
    held_out = [split for split in splits if split.held_out]
    findings += duplicate_findings(splits, limits)
    findings += leak_findings(trained, held_out, limits)
    findings += vocabulary_findings(trained, held_out, limits)
    findings.sort(key=lambda finding: LEVELS.index(finding.level))
    return Diagnosis(splits, findings, limits, listen)


def summary(split: Split) -> JsonObject:
    """The figures of a split: what there is, before anything is wrong with it."""
    seconds = split.seconds
    known = seconds[np.isfinite(seconds)]
    rates = label_rates(split)
    rates = rates[np.isfinite(rates)]
    texts = [plain_text(text) for text in split.texts]
    words: Counter[str] = Counter(word for text in texts for word in text.split())
    speakers = {speaker for speaker in split.speakers if speaker is not None}
    codecs = Counter(m.codec for _, m in split.sound())
    rates_hz = Counter(m.sample_freq for _, m in split.sound())
    return {
        "name": split.name,
        "files": list(split.files),
        "utterances": len(split.utterances),
        "hours": float(known.sum() / 3600),
        "seconds": _quartiles(known),
        "characters_per_second": _quartiles(rates),
        "speakers": len(speakers),
        "texts": len({text for text in texts if text}),
        "words": sum(words.values()),
        "different_words": len(words),
        "sample_rates": {str(rate): count for rate, count in sorted(rates_hz.items())},
        "codecs": dict(codecs.most_common()),
    }


def as_json(diagnosis: Diagnosis) -> JsonObject:
    """The diagnosis with every row of every finding, as JSON values."""
    return {
        "findings": [_finding_json(finding) for finding in diagnosis.findings],
        "counts": {level: diagnosis.count(level) for level in LEVELS},
        "data": [summary(split) for split in diagnosis.splits],
        "listened": diagnosis.listened,
        "thresholds": asdict(diagnosis.limits),
    }


def _finding_json(finding: Finding) -> JsonObject:
    # Readers of these files know the split as "part".
    values = {"part" if name == "split" else name: one for name, one in asdict(finding).items()}
    return {**values, "rows": [asdict(row) for row in finding.rows]}


def _quartiles(values: np.ndarray) -> dict[str, float] | None:
    if not len(values):
        return None
    names = ("min", "p25", "median", "p75", "max")
    found = np.percentile(values, [0, 25, 50, 75, 100])
    return {name: round(float(value), 4) for name, value in zip(names, found)}
