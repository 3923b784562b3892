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
from open_seq2seq.data.manifest_recordings import ManifestRecordings
from open_seq2seq.decoders import Decoder, make_decoder
from open_seq2seq.decoders.params import DECODER_PARAMS
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.experiment import Experiment
from open_seq2seq.export import triton
from open_seq2seq.export.check import (
    Comparison,
    Reference,
    check_difference,
    compare,
    compare_stream,
    references,
)
from open_seq2seq.export.draft import draft
from open_seq2seq.export.formats.written import Written
from open_seq2seq.export.quantization.calibration import Calibration
from open_seq2seq.export.quantization.ways import (
    FLOAT32,
    has_stream,
    models_to_write,
    write_model,
    write_stream,
)
from open_seq2seq.export.streams.network import stream_problems
from open_seq2seq.export.trained_model import TrainedModel
from open_seq2seq.exported.description import Context, ExportedModel
from open_seq2seq.exported.file import LEXICON, LM, ExportedFile
from open_seq2seq.exported.probe import Probe
from open_seq2seq.features.fingerprint import probe_signal
from open_seq2seq.files import JsonObject
from open_seq2seq.inference.evaluation import evaluate
from open_seq2seq.inference.exported_network import ExportedNetwork, SamplesModel
from open_seq2seq.inference.exported_stream import PROBE_ROWS, ExportedStream, streamed
from open_seq2seq.inference.front_end import RawSamples
from open_seq2seq.inference.recognizer import Recognizer
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
# Of the comparison's speech, where there are no other recordings.
_PIECES = 8


@dataclass(frozen=True)
class Row:
    """A line of an export's table.

    Args:
      name: of the model's file.
      file: what `recognizer.json` says of it.
      size: bytes of all its files.
      comparison: with the trained model.
    """

    name: str
    file: ExportedFile
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
      calibration: `[n]` float32 each, of training: what int8 needs.
      evaluation: whose error rates every model is measured on; None: none is.
    """

    experiment: Experiment
    speech: np.ndarray
    decoder_files: Mapping[str, Path] = field(default_factory=dict)
    origin: JsonObject = field(default_factory=dict)
    calibration: Sequence[np.ndarray] = ()
    evaluation: ManifestRecordings | None = None

    def __post_init__(self) -> None:
        self.model = TrainedModel.of(self.experiment)
        self.rate = self.model.extractor.options.sample_freq
        vocabulary = self.experiment.speech_data.vocabulary
        greedy = DECODER_PARAMS.fill({})
        self.decoder: Decoder = make_decoder(greedy, vocabulary, self.experiment.frame_shift)

    def write(
        self,
        output: Path,
        formats: Sequence[str] | None = None,
        overwrite: bool = False,
        progress: Callable[[Row], None] = lambda row: None,
        quantize: Sequence[str] = (FLOAT32,),
    ) -> list[Row]:
        """Writes the folder, whole or not at all.

        Args:
          output: the folder.
          formats: names of `FORMATS`; None: all whose packages are installed.
          overwrite: whether a folder that is there is replaced.
          progress: called with each line of the table.
          quantize: of `KINDS`; see `models_to_write`.

        Raises:
          InputError: the model has a part that no graph is known for, a format differs from it or
            has no such kind, the folder is there, or there are no recordings for static_int8.
        """
        self._check_encoder()
        models = models_to_write(self.model, formats, quantize)
        calibration = self._calibration(quantize)
        with draft(output, overwrite) as folder:
            expected = references(self.model, self.decoder, self.speech)
            files: dict[str, ExportedFile] = {}
            rows = []
            for one in models:
                written = write_model(self.model, folder, one, calibration)
                loaded = LoadedModel(folder / written.name, written.file.runtime or "", threads=1)
                found = compare(loaded, expected, self.decoder, self.rate)
                check_difference(output / written.name, found, one.is_quantised)
                written = self._measured(written, loaded)
                files |= written.entries()
                rows.append(Row(written.name, written.file, _size(folder, written), found))
                progress(rows[-1])
                if written.file.stream is not None:
                    rows.append(self._signature(folder, output, written, expected))
                    progress(rows[-1])
            for one in [] if self.stream_problems() else filter(has_stream, models):
                written = write_stream(self.model, folder, one, calibration)
                written, found = self._stream(folder, output, written, expected)
                files |= written.entries()
                rows.append(Row(written.name, written.file, _size(folder, written), found))
                progress(rows[-1])
            decoder, own = self._decoder_params(folder)
            if ("onnx", FLOAT32) in models:
                (folder / triton.NAME).write_text(triton.triton_config(self.model, output.name))
                own[triton.NAME] = ExportedFile("triton")
            self._description(files | own, decoder).write(folder)
        return rows

    def _check_encoder(self) -> None:
        if self.experiment.model.encoder.conditioning is None:
            return
        remedy = "Train without it; intermediate_layers may stay."
        expected = "False: no graph is known for what goes from the CTC head back into the encoder"
        problem = Problem("loss_params/self_conditioning", "True", expected, remedy)
        raise InputError("The model cannot be exported:", [problem])

    def stream_problems(self) -> list[Problem]:
        """Why no graph of streams is written, and what to set instead; empty if there is one."""
        return stream_problems(self.model)

    def _stream(
        self, folder: Path, output: Path, written: Written, expected: Sequence[Reference]
    ) -> tuple[Written, Comparison]:
        """A graph of streams with what it gives for the probe signal, compared."""
        network = self._stream_network(folder, written)
        found = compare_stream(network, expected, self.decoder)
        check_difference(output / written.name, found, written.file.quantization is not None)
        (log_probs,) = streamed(network, [probe_signal(self.rate)], PROBE_ROWS)
        return written._replace(file=replace(written.file, probe=Probe.of(log_probs))), found

    def _signature(
        self, folder: Path, output: Path, written: Written, expected: Sequence[Reference]
    ) -> Row:
        """Compares a model's signature for streams."""
        found = compare_stream(self._stream_network(folder, written), expected, self.decoder)
        check_difference(output / written.name, found)
        return Row(f"{Path(written.name).parent}: stream", written.file, 0, found)

    def _stream_network(self, folder: Path, written: Written) -> ExportedStream:
        file, path = written.file, folder / written.name
        assert file.stream is not None
        classes = self.model.classes
        return ExportedStream(path, file.runtime or "", file.stream, classes, self.rate, threads=1)

    def error_rates(self) -> dict[str, float] | None:
        """Those of the trained model itself, greedy; None: they were not asked for."""
        return self._error_rates(self.model)

    def _error_rates(self, model: SamplesModel) -> dict[str, float] | None:
        if self.evaluation is None:
            return None
        experiment, options = self.experiment, self.model.extractor.options
        recognizer = Recognizer(
            RawSamples(self.rate, options.hop_length),
            ExportedNetwork(model),
            experiment.speech_data.vocabulary,
            self.decoder,
            frame_shift=experiment.frame_shift,
            time_stride=int(experiment.model.encoder.time_stride),
            segmentation=experiment.params["segmentation"],
        )
        found = evaluate(recognizer, self.evaluation, losses=False)
        assert found is not None
        if found.left_out:
            problems = [one.problem for one in found.left_out]
            raise InputError("Recordings to measure error rates on cannot be read:", problems)
        return {**found.rates, "utterances": len(found.utterances)}

    def _calibration(self, quantize: Sequence[str]) -> Calibration:
        """Recordings for int8; where only the loss is measured, those of the comparison will do."""
        if self.calibration or "static_int8" not in quantize:
            recordings = self.calibration or np.array_split(self.speech, _PIECES)
            return Calibration(self.model, tuple(recordings))
        problem = Problem(
            "--quantize",
            "static_int8 without recordings to see the ranges of values on",
            "a few dozen",
            "Name manifests of training with --calibration_manifest.",
        )
        raise InputError("Nothing is exported:", [problem])

    def _measured(self, written: Written, loaded: LoadedModel) -> Written:
        """With what the model gives for the probe signal, and its error rates."""
        probe = Probe.of(loaded.log_probs(probe_signal(self.rate)))
        rates = self._error_rates(loaded)
        return written._replace(file=replace(written.file, probe=probe, error_rates=rates))

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


def _size(folder: Path, written: Written) -> int:
    """Bytes of a model's files."""
    return sum((folder / name).stat().st_size for name in written.entries())


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
