"""What is said of an utterance and of all of them, in the words of OpenVINO's speech sample."""

from __future__ import annotations

from open_seq2seq.scoring.comparison import Comparison
from open_seq2seq.scoring.statistics import ErrorStatistics


def utterance_lines(number: int, key: str, frames: int, seconds: float) -> list[str]:
    """The head of an utterance's lines.

    Args:
      number: its place from 0 on.
      key: of it.
      frames: of its features.
      seconds: that it took.
    """
    milliseconds = seconds * 1000
    return [
        "",
        f"Utterance {number} ({key}):",
        f"Total time in Infer (HW and SW): {milliseconds:.2f}ms",
        f"Frames in utterance: {frames}",
        f"Average Infer time per frame: {milliseconds / frames:.2f}ms",
    ]


def output_lines(name: str, classes: int, statistics: ErrorStatistics | None) -> list[str]:
    """One output's lines of an utterance."""
    lines = ["", f"Output layer name: {name}", f"Number scores per frame: {classes}"]
    if statistics is not None:
        lines += ["", *statistics_lines(statistics)]
    return lines


def statistics_lines(statistics: ErrorStatistics) -> list[str]:
    """The sample's four statistics, by its names."""
    return [
        f"max error: {statistics.max_error:.7f}",
        f"avg error: {statistics.avg_error:.7f}",
        f"avg rms error: {statistics.rms_error:.7f}",
        f"stdev error: {statistics.stdev_error:.7f}",
    ]


def total_lines(comparison: Comparison) -> list[str]:
    """All utterances together, and the worst one."""
    total = comparison.total
    lines = [
        f'Errors of "{comparison.output}" over {len(comparison.by_key)} utterances, '
        f"{total.frames} frames:",
        *statistics_lines(total),
        f"mean of frames' rms errors (C++ sample's avg rms error): {total.frame_rms_error:.7f}",
        f"max relative error: {total.max_relative_error:.7g}",
        f"reference scores: max {total.max_reference:.7g}, avg {total.avg_reference:.7g}",
        f"top-1 agreement: {100 * total.agreement:.2f}% of frames",
    ]
    worst = comparison.worst
    if worst is not None:
        lines.append(
            f"worst utterance: {worst}, max error {comparison.by_key[worst].max_error:.7f}"
        )
    return lines


def speed_lines(seconds: float, frames: int, frame_shift: float) -> list[str]:
    """The time of all utterances, and beside that of their sound."""
    sound = frames * frame_shift
    return [
        "",
        f"Total sample time: {seconds * 1000:.2f}ms",
        f"Real-time factor: {seconds / sound:.5f} ({frames / max(seconds, 1e-9):.0f} frames a "
        f"second, {frame_shift * 1000:g} ms each)",
    ]
