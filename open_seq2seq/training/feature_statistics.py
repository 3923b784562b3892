"""Where training's features get the statistics that they are normalised by, before it starts."""

from __future__ import annotations

from pathlib import Path

from open_seq2seq.checkpoints.storage import read_metadata
from open_seq2seq.data.protocols import SpeechDataLayer
from open_seq2seq.data.speech2text.measuring import statistics_of
from open_seq2seq.distributed.process_group import ProcessGroup
from open_seq2seq.features.fingerprint import check_fingerprint
from open_seq2seq.files import JsonObject


def prepare_statistics(
    data: SpeechDataLayer,
    evaluation_data: SpeechDataLayer | None,
    checkpoint: Path | None,
    base: Path | None,
    group: ProcessGroup,
) -> str | None:
    """Gives the data of training and of its evaluations the same statistics, if they need any.

    Those of the checkpoint that training goes on from; those of the base model, if its features
    are the same otherwise, as its weights were trained with them; or they are measured.

    Args:
      data: a speech data layer.
      evaluation_data: one of evaluation, or None.
      checkpoint, base: what training goes on or starts from, if it does.

    Returns:
      What to tell the user; None: nothing.

    Raises:
      InputError: a checkpoint is damaged, or nothing can be measured.
    """
    note = _prepare(data, checkpoint, base, group) if data.extractor.lacks_statistics else None
    if evaluation_data is not None and evaluation_data.extractor.lacks_statistics:
        evaluation_data.restore_statistics(data.fingerprint())
    return note


def _prepare(
    data: SpeechDataLayer, checkpoint: Path | None, base: Path | None, group: ProcessGroup
) -> str | None:
    if checkpoint is not None:
        # If it has none, the features are others: resuming says so.
        data.restore_statistics(_features(checkpoint, group))
        return None
    if base is not None:
        stored = _features(base, group)
        as_in_base = data.extractor.with_stored_statistics(stored)
        if not check_fingerprint(stored, as_in_base.fingerprint()):
            data.recordings.use(as_in_base)
            return "Mean and deviation of the features are those of the base model."
    measured = group.run_on_rank_zero(lambda: statistics_of(data))
    data.recordings.use(data.extractor.with_statistics(measured.statistics))
    return measured.note


def _features(checkpoint: Path, group: ProcessGroup) -> JsonObject:
    return group.run_on_rank_zero(lambda: read_metadata(checkpoint))["features"]
