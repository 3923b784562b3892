"""What `scripts/decode.py --summary` adds to a run's `summary.json`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from open_seq2seq.commands.decoding import Measured
from open_seq2seq.metrics.analysis import EvaluatedUtterance
from open_seq2seq.runs import summary as files


def summary_to_add_to(flags: argparse.Namespace) -> dict[str, Any]:
    """The summary in `--summary`, read before anything is decoded.

    Raises:
      InputError: there is none.
    """
    return files.read_summary(Path(flags.summary))


def add_decoding(flags: argparse.Namespace, summary: dict[str, Any], measured: Measured) -> None:
    """Adds the greedy rates, and those of beam search at the best alpha and beta.

    Weights and data are those that `run.py --mode=infer` noted when it wrote the logits; of
    other logits only the data's name is known.

    Args:
      flags: of scripts/decode.py.
      summary: what is there.
      measured: what decoding found.
    """
    root, logits = Path(flags.summary), str(Path(flags.logits).resolve())
    noted = next((one for one in summary.get("logits", []) if one["file"] == logits), None)
    name = (noted or {}).get("data") or files.data_name([flags.labels or flags.logits])
    point, errors = measured.point, measured.greedy_errors
    beam = files.beam_decoding(
        flags.lm,
        flags.scoring,
        flags.beam_width,
        point.alpha,
        point.beta,
        name if measured.points > 1 else flags.tuned_on,
        flags.blank_penalty or 0.0,
    )
    found = [(beam, (point.wer, point.cer), measured.best)]
    if errors is not None:
        rates = errors.words.rate, errors.characters.rate
        found.insert(0, (files.greedy_decoding(), rates, measured.greedy))
    for decoding, (wer, cer), texts in found:
        result: dict[str, Any] = {
            "data": name,
            "rows": len(texts),
            "decoding": decoding,
            "weights": noted["weights"] if noted else None,
            "step": noted["step"] if noted else None,
            "wer": wer,
            "cer": cer,
        }
        # What an evaluation found has more to it: durations, the loss.
        if decoding["search"] == "greedy" and files.has_result(summary, result):
            continue
        result["transcripts"] = files.transcripts_name(result)
        files.write_transcripts(root / result["transcripts"], _utterances(measured, texts))
        files.add_result(summary, result)
    files.write_summary(root, summary)
    print(f"Added to {root / files.SUMMARY}")


def _utterances(measured: Measured, texts: Sequence[str]) -> list[EvaluatedUtterance]:
    rows = zip(measured.names, measured.references, texts)
    return [EvaluatedUtterance(*row) for row in rows]
