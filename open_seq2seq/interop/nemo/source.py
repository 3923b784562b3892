"""A model of NeMo's as it lies in its files: a config, tensors by name, a tokenizer."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from open_seq2seq.interop.nemo.archive import CONFIG, EXPECTED, WEIGHTS, Archive
from open_seq2seq.interop.nemo.conv_asr_encoder import BlockNames
from open_seq2seq.interop.nemo.refusal import refusal
from open_seq2seq.interop.nemo.section import Section
from open_seq2seq.interop.nemo.torch_file import TorchFile, open_torch_file
from open_seq2seq.interop.nemo.torch_pickle import StoredTensor
from open_seq2seq.interop.nemo.yaml_text import MOST_BYTES, parse_yaml

Tensors = Mapping[str, Callable[[], np.ndarray]]


@dataclass
class Source:
    """What is imported.

    Args:
      path: of the file that the user named.
      config: the config, with sections named as NeMo 1.0 has them.
      tensors: functions that read them, by the names that NeMo 1.0 has.
      archive: where the tokenizer's files are, if there are any.
      names: those of the encoder's convolutions; None: NeMo 1.0's.
      front_end: of layouts that have their own, parameters that are not NeMo's.
      era: of layouts that are of one era only, its name and why.
      notes: what the user should know.
    """

    path: Path
    config: Section
    tensors: Tensors
    archive: Archive | None = None
    names: BlockNames | None = None
    front_end: dict[str, object] = field(default_factory=dict)
    era: tuple[str, str] | None = None
    notes: list[str] = field(default_factory=list)


def read_nemo(path: Path) -> Source:
    """A `.nemo` file of NeMo 1.0 or later.

    Raises:
      InputError: it is damaged, or another archive.
    """
    archive = Archive(path)
    for name in (CONFIG, WEIGHTS):
        if name not in archive.names:
            found = ", ".join(archive.names[:6]) or "an empty archive"
            raise refusal(f"{path}, {name}", f"no such member (there are {found})", EXPECTED)
    where = f"{path}, {CONFIG}"
    config = Section(parse_yaml(archive.read(CONFIG, MOST_BYTES), where), CONFIG)
    opened = open_torch_file(archive.stream(WEIGHTS), f"{path}, {WEIGHTS}")
    return Source(path, config, state_dict(opened, opened.content), archive)


def state_dict(file: TorchFile, content: object) -> Tensors:
    """The tensors of a state dict by name.

    Args:
      file: what reads them.
      content: the state dict.

    Raises:
      InputError: it is none.
    """
    expected = "names with tensors, the state dict of a model"
    if (
        isinstance(content, dict)
        and "state_dict" in content
        and "pytorch-lightning_version" in content
    ):
        found = "a checkpoint of PyTorch Lightning"
        raise refusal(
            file.name, found, expected, "Save the model with NeMo's save_to: a .nemo file."
        )
    if not isinstance(content, dict) or not content:
        raise refusal(file.name, f"an object of type {type(content).__name__}", expected)
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, StoredTensor):
            raise refusal(file.name, f"{str(name)[:60]!r} is {type(value).__name__}", expected)
    return {name: functools.partial(file.read, tensor, name) for name, tensor in content.items()}
