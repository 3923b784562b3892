"""From a NeMo model to a config module, its files and a checkpoint of this framework."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from open_seq2seq.checkpoints.storage import METADATA, latest_checkpoint
from open_seq2seq.checkpoints.variables import named_variables, save_checkpoint
from open_seq2seq.config.loading import load_config
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.experiment import Experiment, effective_params, make_experiment, model_metadata
from open_seq2seq.features.filters_file import write_filters
from open_seq2seq.files import write_whole
from open_seq2seq.interop.nemo.config_text import FILTERS_FILE, config_text
from open_seq2seq.interop.nemo.conformer import read_conformer
from open_seq2seq.interop.nemo.conv_asr_encoder import EncoderChoice, read_conv_asr_encoder
from open_seq2seq.interop.nemo.era import ChosenEra, chosen_era, named_era
from open_seq2seq.interop.nemo.preprocessor import FrontEndChoice, read_preprocessor
from open_seq2seq.interop.nemo.section import Section
from open_seq2seq.interop.nemo.self_check import self_check
from open_seq2seq.interop.nemo.source import Source
from open_seq2seq.interop.nemo.tokens import Tokens, check_count, read_tokens
from open_seq2seq.interop.nemo.weights import Used, Weight, as_is, assigned, matrix

ENCODERS: dict[str, Callable[..., EncoderChoice]] = {
    "ConvASREncoder": read_conv_asr_encoder,
    "ConformerEncoder": read_conformer,
}
# The classes of models with a CTC head, and where its config and its tensors are.
_HEADS = {
    "EncDecCTCModel": ("decoder", "decoder."),
    "EncDecCTCModelBPE": ("decoder", "decoder."),
    "EncDecHybridRNNTCTCModel": ("aux_ctc/decoder", "ctc_decoder."),
    "EncDecHybridRNNTCTCBPEModel": ("aux_ctc/decoder", "ctc_decoder."),
}
_TRANSDUCER = {
    "decoder.": "the transducer's prediction network",
    "joint.": "the transducer's joint network",
    "loss.": "of the loss",
    "spec_augmentation.": "of training",
}
CONFIG_NAME = "config.py"


@dataclass
class Imported:
    """A model that was imported.

    Args:
      source: what it came from.
      era: of its front-end, and why.
      used: what became of the file's tensors.
      experiment: the model, with its weights.
      checkpoint: where it was written.
      checks: what the self-check found, a line each.
      notes: what the user should know.
    """

    source: Source
    era: ChosenEra
    used: Used
    experiment: Experiment
    checkpoint: Path
    checks: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def import_model(source: Source, logdir: Path, front_end_era: str | None = None) -> Imported:
    """Imports a model.

    Args:
      source: the model's files.
      logdir: a new or empty folder, for the config, the files that it names, and the checkpoint.
      front_end_era: see `named_era`; None: as the file says.

    Raises:
      InputError: it has something that can't be exact, tensors that don't fit, or `logdir` has
        checkpoints already. Nothing is written then.
    """
    if latest_checkpoint(logdir) is not None or (logdir / CONFIG_NAME).exists():
        problem = Problem(str(logdir), "a model", "a new or empty folder")
        raise InputError("The import has no place:", [problem])
    plan = Plan(source, front_end_era)
    logdir.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".import_", dir=logdir.parent))
    try:
        result = _written(plan, draft, logdir)
        logdir.mkdir(exist_ok=True)
        for entry in draft.iterdir():
            os.replace(entry, logdir / entry.name)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return replace(result, checkpoint=logdir / result.checkpoint.name)


class Plan:
    """What a model's config says.

    Args:
      source: the model's files.
      front_end_era: see `import_model`.

    Raises:
      InputError: it has something that can't be exact.
    """

    def __init__(self, source: Source, front_end_era: str | None = None):
        self.source, config = source, source.config
        self.era = self._era(front_end_era)
        self.used = Used()
        target = config.text("target", "EncDecCTCModel").rpartition(".")[2]
        if target not in _HEADS:
            expected = "a model with a CTC head: " + ", ".join(_HEADS)
            raise config.refused("target", expected, "Transducers have another decoder.")
        place, self.head_prefix = _HEADS[target]
        self.without_use = _TRANSDUCER if self.head_prefix == "ctc_decoder." else {}
        self.head = config
        for part in place.split("/"):
            self.head = self.head.part(part)
        if not self.head.values:
            raise config.refused(place, "the config of the CTC head")
        rate = config.whole("sample_rate", 16000, most=1_000_000)
        self.front_end = self._front_end(rate)
        self.encoder = self._encoder()
        self.tokens = self._tokens()
        self.weights = [*self.encoder.weights, *self._head_weights()]
        self.notes = [*source.notes, *self.front_end.notes, *self.encoder.notes]

    def _era(self, given: str | None) -> ChosenEra:
        if given is None and self.source.era is not None:
            name, reason = self.source.era
            return ChosenEra(named_era(name), reason)
        return chosen_era(given, self.source.config.get("nemo_version"))

    def _front_end(self, rate: int) -> FrontEndChoice:
        config = self.source.config.part("preprocessor")
        choice = read_preprocessor(config, rate, self.source.tensors, self.used, self.era.era)
        choice.params.update(self.source.front_end)
        return choice

    def _encoder(self) -> EncoderChoice:
        config = self.source.config.part("encoder")
        kind = config.text("_target_").rpartition(".")[2] or "ConvASREncoder"
        if kind not in ENCODERS:
            raise config.refused("_target_", " or ".join(ENCODERS))
        features = self.front_end.params["num_audio_features"]
        if kind == "ConvASREncoder":
            return read_conv_asr_encoder(config, features, self.source.names)
        return ENCODERS[kind](config, features)

    def _tokens(self) -> Tokens:
        kind = self.head.text("_target_").rpartition(".")[2]
        if kind not in ("", "ConvASRDecoder", "JasperDecoderForCTC"):
            raise self.head.refused("_target_", "ConvASRDecoder")
        tokens = read_tokens(self.source.config, self.head, self.source.archive)
        classes = self.head.whole("num_classes", -1, least=-1)
        error = check_count(tokens, classes, f"{self.head.where}/num_classes")
        if error is not None and classes > 0:
            raise error
        channels = self.head.whole("feat_in", self.encoder.channels)
        if channels != self.encoder.channels:
            raise self.head.refused("feat_in", f"{self.encoder.channels}, the encoder's channels")
        return tokens

    def _head_weights(self) -> list[Weight]:
        source, target = f"{self.head_prefix}decoder_layers.0", "decoder/fully_connected"
        return [
            Weight(f"{source}.weight", f"{target}/kernel", matrix),
            Weight(f"{source}.bias", f"{target}/bias", as_is),
        ]

    @property
    def facts(self) -> list[str]:
        """What a reader of the config should know."""
        version = self.source.config.get("nemo_version")
        return [
            f"Front-end: that of NeMo {self.era.era.name}, as {self.era.reason}.",
            f"NeMo's version in the file: {version if version is not None else 'none'}",
        ]


def _written(plan: Plan, draft: Path, logdir: Path) -> Imported:
    """Writes everything to a folder of its own."""
    write_filters(draft / FILTERS_FILE, plan.front_end.stored)
    plan.tokens.write(draft)
    text = config_text(
        f"{plan.source.path.name}, imported from NVIDIA NeMo.",
        plan.facts,
        str(logdir),
        plan.encoder.kind,
        plan.encoder.params,
        plan.front_end.params,
        plan.tokens.file_name,
        plan.tokens.kind == "sentencepiece",
        {},
    )
    write_whole(draft / CONFIG_NAME, text)
    config = load_config(draft / CONFIG_NAME)
    params = effective_params(config, [], "interactive_infer")
    experiment = make_experiment(params, config.base_model, "infer", utterances=[])
    variables = {
        name: variable
        for name, variable in named_variables(experiment.model.variables).items()
        if not name.startswith("random_state/")
    }
    assigned(plan.weights, plan.source.tensors, variables, plan.used, plan.without_use)
    checks = self_check(experiment)
    state: dict[str, Any] = {
        "step": 0,
        METADATA: model_metadata(experiment),
        "imported": {
            "file": plan.source.path.name,
            "nemo_version": str(plan.source.config.get("nemo_version")),
            "front_end_era": plan.era.era.name,
            "reason": plan.era.reason,
        },
    }
    checkpoint = save_checkpoint(draft, experiment.model, None, state)
    return Imported(
        plan.source, plan.era, plan.used, experiment, checkpoint, checks, list(plan.notes)
    )


def parameters(experiment: Experiment) -> int:
    """How many numbers a model has that training changes."""
    return sum(int(np.prod(one.shape)) for one in experiment.model.trainable_variables)


__all__ = ["Imported", "Plan", "Section", "import_model", "parameters"]
