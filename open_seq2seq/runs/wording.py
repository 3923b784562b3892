"""How times and rates of runs are written in tables, reports and pictures."""

from __future__ import annotations

from collections.abc import Sequence

from open_seq2seq.files import JsonObject


def percents(rates: Sequence[float]) -> str:
    """Rates in percent: `12.3`, of several their mean and range, `12.3 (11.9 to 12.8)`."""
    if not rates:
        return ""
    digits = 2 if max(rates) < 0.1 else 1
    mean, low, high = (100 * value for value in (sum(rates) / len(rates), min(rates), max(rates)))
    if len(rates) == 1:
        return f"{mean:.{digits}f}"
    return f"{mean:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def rate_cells(results: Sequence[JsonObject]) -> tuple[str, str]:
    """The cells of tables with columns for WER and CER.

    Where texts are phonemes, which have neither, the first says so: `PER 14.8`.

    Args:
      results: of one way of decoding, as `summary.json` has them.
    """
    if results and all("per" in one for one in results):
        return f"PER {percents([one['per'] for one in results])}", ""
    return percents([one["wer"] for one in results]), percents([one["cer"] for one in results])
