"""From a trained model to a folder that runs without the trainer."""

from __future__ import annotations

import logging
import platform
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from open_seq2seq.config.schema import Params
from open_seq2seq.decoders import Decoder, make_decoder
from open_seq2seq.decoders.params import DECODER_PARAMS
from open_seq2seq.experiment import Experiment
from open_seq2seq.export import triton
from open_seq2seq.export.check import Comparison, check_difference, compare, references
from open_seq2seq.export.draft import draft
from open_seq2seq.export.formats.written import FORMATS, Written
from open_seq2seq.export.trained_model import TrainedModel
from open_seq2seq.exported.description import Context, ExportedModel
from open_seq2seq.exported.file import LEXICON, LM, ExportedFile
from open_seq2seq.exported.probe import Probe
from open_seq2seq.features.fingerprint import probe_signal
from open_seq2seq.inference.runtimes.loaded_model import LoadedModel
from open_seq2seq.version import __version__

_log = logging.getLogger(__name__)
_PACKAGES = (
    "tensorflow",
    "tensorflow-cpu",
    "keras",
    "onnx",
    "onnxruntime",
    "ai-edge-litert",
    "openvino",
)
# What decodes is chosen when the folder is used; these are files of the decoder.
_FILES = {"lm_path": ("lm", LM), "lexicon_path": ("lexicon", LEXICON)}


@dataclass(frozen=True)
class Row:
    """A line of an export's table: a model, its size in bytes, and how it compares."""

    name: str
    runtime: str
    precision: str
    size: int
    comparison: Comparison


@dataclass
class Export:
    """The export of one model.

    Args:
      experiment: the model in float32, with its weights.
      speech: `[n]` float32 at the model's rate, to compare with.
      decoder_files: `lm_path` and `lexicon_path`: files to copy into the folder, instead of those
        of the parameters.
      origin: where the model is from: config, checkpoint, step.
    """

    experiment: Experiment
    speech: np.ndarray
    decoder_files: Mapping[str, Path] = field(default_factory=dict)
    origin: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.model = TrainedModel.of(self.experiment)
        self.rate = self.model.extractor.options.sample_freq
        vocabulary = self.experiment.speech_data.vocabulary
        greedy = DECODER_PARAMS.fill({})
        self.decoder: Decoder = make_decoder(greedy, vocabulary, self.experiment.frame_shift)

    def write(
        self,
        output: Path,
        formats: Sequence[str],
        overwrite: bool = False,
        progress: Callable[[Row], None] = lambda row: None,
    ) -> list[Row]:
        """Writes the folder, whole or not at all.

        Args:
          output: the folder.
          formats: names of `FORMATS`.
          overwrite: whether a folder that is there is replaced.
          progress: called with each line of the table.

        Raises:
          InputError: the model has a part that no graph is known for, a format differs from it,
            or the folder is there.
        """
        with draft(output, overwrite) as folder:
            expected = references(self.model, self.decoder, self.speech)
            files: dict[str, ExportedFile] = {}
            rows = []
            for name in formats:
                written = FORMATS[name](self.model, folder)
                path = folder / written.name
                found = compare(path, _runtime(written), expected, self.decoder, self.rate)
                check_difference(output / written.name, found)
                written = self._probed(written, path)
                files |= written.entries()
                size = sum((folder / one).stat().st_size for one in written.entries())
                rows.append(Row(written.name, _runtime(written), _precision(written), size, found))
                progress(rows[-1])
            decoder, own = self._decoder_params(folder)
            if "onnx" in formats:
                (folder / triton.NAME).write_text(triton.triton_config(self.model, output.name))
                own[triton.NAME] = ExportedFile("triton")
            self._description(files | own, decoder).write(folder)
        return rows

    def _probed(self, written: Written, path: Path) -> Written:
        log_probs = LoadedModel(path, _runtime(written), threads=1).log_probs(
            probe_signal(self.rate)
        )
        return written._replace(file=replace(written.file, probe=Probe.of(log_probs)))

    def _decoder_params(self, folder: Path) -> tuple[Params, dict[str, ExportedFile]]:
        """The decoder's parameters with the files of the folder, and these."""
        filled = dict(DECODER_PARAMS.fill(self.experiment.params["decoder_params"]))
        files = {}
        for key in [one for one in filled if one.endswith("_path")]:
            source = self.decoder_files.get(key)
            filled[key] = None
            if source is not None:
                stem, kind = _FILES[key]
                name = stem + source.suffix
                shutil.copyfile(source, folder / name)
                files[name] = ExportedFile(kind)
                filled[key] = name
        filled["use_language_model"] = bool(filled["use_language_model"] or files)
        return filled, files

    def _description(self, files: Mapping[str, ExportedFile], decoder: Params) -> ExportedModel:
        experiment, options = self.experiment, self.model.extractor.options
        encoder = experiment.model.encoder
        data = experiment.speech_data
        return ExportedModel(
            sample_freq=self.rate,
            symbols=tuple(data.vocabulary.symbols),
            frame_shift=experiment.frame_shift,
            time_stride=int(encoder.time_stride),
            hop_length=options.hop_length,
            decoder=_plain(decoder),
            segmentation=_plain(experiment.params["segmentation"]),
            front_end={"options": options.used(), "fingerprint": data.fingerprint()},
            files=files,
            context=_seconds(self.model),
            text_normalization=experiment.params["data_layer_params"]["text_normalization"],
            trained_on=experiment.trained_on,
            versions=_versions(),
            origin={**self.origin, "date": date.today().isoformat()},
        )


def _runtime(written: Written) -> str:
    assert written.file.runtime is not None
    return written.file.runtime


def _precision(written: Written) -> str:
    assert written.file.precision is not None
    return written.file.precision


def _seconds(model: TrainedModel) -> Context:
    """The receptive field of front-end and network."""
    options, front_end = model.extractor.options, model.extractor.context
    own = model.network.encoder.context
    samples = [frames * options.hop_length + beside for frames, beside in zip(own, front_end)]
    return Context(
        *(float(one) / options.sample_freq if np.isfinite(one) else None for one in samples)
    )


def _plain(params: Params) -> dict[str, Any]:
    """What JSON can hold."""
    return {
        name: value
        for name, value in params.items()
        if value is None or isinstance(value, (bool, int, float, str, list, dict))
    }


def _versions() -> dict[str, str]:
    versions = {"open_seq2seq": __version__, "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions
