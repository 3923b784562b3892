"""What a run says about parameters that ask for what it does not have."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from open_seq2seq.config.schema import Schema

# What mpirun, mpiexec and horovodrun tell the processes that they start.
_PROCESS_COUNTS = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "HOROVOD_SIZE")


def parameter_notes(schema: Schema, params: Mapping[str, Any], mode: str) -> list[str]:
    """One line for each thing that a config asks for and this run does without.

    Args:
      schema: the model's.
      params: checked parameters of one mode.
      mode: "train", "eval" or "infer".
    """
    notes = schema.notes(params)
    if mode == "train":
        return [*_device_notes(params), *notes]
    return [*_decoding_notes(params.get("decoder_params") or {}), *notes]


def started_processes() -> int:
    """The number of processes of this run, 1 without a launcher such as mpirun."""
    counts = [os.environ.get(name, "") for name in _PROCESS_COUNTS]
    return max([1, *(int(count) for count in counts if count.isdecimal())])


def _decoding_notes(params: Mapping[str, Any]) -> Iterator[str]:
    """What beam search does without."""
    if not params.get("use_language_model"):
        return
    if not params.get("lm_path"):
        yield "use_language_model without lm_path: beam search without a language model."
    scoring = params.get("lm_scoring", "native_op")
    if params.get("trie_path") and scoring != "native_op":
        yield f"trie_path: no effect here: lm_scoring {scoring} has no use for it."


def _device_notes(params: Mapping[str, Any]) -> Iterator[str]:
    """How a config for several devices trains on one: with a smaller batch, unless told."""
    devices = len(params.get("gpu_ids") or []) or params.get("num_gpus", 1)
    asked = [f"num_gpus {devices}"] if devices > 1 else []
    if params.get("use_horovod"):
        asked.append("use_horovod")
    if not asked:
        return
    batch = params["batch_size_per_gpu"] * (params.get("iter_size") or 1)
    size = f"a step has {batch} utterances"
    if devices > 1:
        accumulated = devices * (params.get("iter_size") or 1)
        size += f", not {devices * batch} (--iter_size={accumulated} gives it as many)"
    yield f"{', '.join(asked)}: this version trains in one process on one device, so {size}."
