"""A recogniser's parts from an exported folder: no Keras, TensorFlow where it is the runtime."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from open_seq2seq.config.overrides import Override, apply_overrides, split_arguments
from open_seq2seq.config.schema import Param, Params, Schema
from open_seq2seq.decoders import make_decoder
from open_seq2seq.decoders.params import DECODER_PARAMS
from open_seq2seq.errors import InputError, Problem, RunError
from open_seq2seq.exported import DESCRIPTION, TOLERANCE, ExportedFile, ExportedModel
from open_seq2seq.features.fingerprint import probe_signal
from open_seq2seq.inference.exported_network import ExportedNetwork
from open_seq2seq.inference.exported_stream import PROBE_ROWS, ExportedStream, streamed
from open_seq2seq.inference.front_end import RawSamples
from open_seq2seq.inference.model_choice import choose_model
from open_seq2seq.inference.parts import RecognizerParts
from open_seq2seq.inference.runtimes import LoadedModel, is_installed
from open_seq2seq.inference.runtimes.names import STREAM_RUNTIMES
from open_seq2seq.models.segmentation_params import SEGMENTATION
from open_seq2seq.native_build.cpu import available_cores
from open_seq2seq.streaming import StreamingNetwork
from open_seq2seq.vocabulary import SymbolTable

_log = logging.getLogger(__name__)

# Recordings that are computed together: beam search decodes four times as many at once.
_BATCH_SIZE = 4
_MOST_LOADERS = 8

# What can be overridden where there is no config.
PARAMS = Schema(
    "exported model",
    [
        Param("decoder_params", dict, "The decoder's parameters.", {}, schema=DECODER_PARAMS),
        Param("segmentation", dict, "How long recordings are cut.", {}, schema=SEGMENTATION),
    ],
)


@dataclass(frozen=True)
class ExportedFolder:
    """An exported folder with what the caller wants of it.

    Args:
      path: the folder.
      described: its description.
      params: `decoder_params` and `segmentation`, filled, with paths as they are to be opened.
    """

    path: Path
    described: ExportedModel
    params: Params

    @classmethod
    def open(
        cls, path: str | Path, overrides: Sequence[Override] = (), mode: str = "interactive_infer"
    ) -> ExportedFolder:
        """Reads the description, and checks the decoder's files.

        Args:
          path: the folder.
          overrides: of `decoder_params` and `segmentation`.
          mode: of those that are for one mode only, which count.

        Raises:
          InputError: the folder, one of these files or an override cannot be used.
        """
        path = Path(path)
        described = ExportedModel.read(path)
        return cls(path, described, _filled(path, described, overrides, mode))

    def load(self, name: str, threads: int | None = None) -> LoadedModel:
        """One of its models, which gives here what it gave when it was exported.

        Raises:
          InputError: it is damaged, cannot be loaded, or gives something else.
        """
        file = self.described.files[name]
        first, *_ = self.described.checked(self.path, self.described.parts_of(name))
        model = LoadedModel(first, file.runtime or "", threads)
        problem = self._problem(model, file)
        if problem is not None:
            raise InputError("The exported model does not compute what it should:", [problem])
        return model

    def load_stream(self, name: str, threads: int | None = None) -> ExportedStream:
        """One of its graphs of streams, which gives here what it gave when it was exported.

        Raises:
          InputError: it is damaged, cannot be loaded, or gives something else.
        """
        described, file = self.described, self.described.files[name]
        assert file.stream is not None
        first, *_ = described.checked(self.path, described.parts_of(name))
        ahead = described.context.right or 0.0
        classes = len(described.symbols) + 1
        network = ExportedStream(
            first, file.runtime or "", file.stream, classes, described.sample_freq, ahead, threads
        )
        problem = self._problem(network, file)
        if problem is not None:
            raise InputError("The exported stream does not compute what it should:", [problem])
        return network

    def _streaming(
        self, model: LoadedModel, threads: int | None
    ) -> Callable[[], StreamingNetwork] | None:
        """What makes the network of streams: that of the model, or the one most like it."""
        files = self.described.files
        own = next((one for name, one in files.items() if self.path / name == model.path), None)
        precision = own.precision if own else "float32"
        order = list(STREAM_RUNTIMES)
        there = [
            (file.precision != precision, file.runtime != model.runtime, order.index(file.runtime),
             name)
            for name, file in files.items()
            if file.stream is not None and file.runtime in order and is_installed(file.runtime)
        ]  # fmt: skip
        if not there:
            return None
        *_, name = min(there)
        return lambda: self.load_stream(name, threads)

    def _problem(self, model: LoadedModel | ExportedStream, file: ExportedFile) -> Problem | None:
        """What a model does with the probe signal that it should not."""
        where, again = str(model.path), "Export the model again."
        signal = probe_signal(self.described.sample_freq)
        try:
            if isinstance(model, LoadedModel):
                found = model.log_probs(signal)
            else:
                (found,) = streamed(model, [signal], PROBE_ROWS)
        except RunError as error:
            return Problem(where, str(error), "a model that runs", again)
        classes = len(self.described.symbols) + 1
        if found.shape[1] != classes:
            expected = f"{classes}: the symbols and the blank"
            return Problem(where, f"{found.shape[1]} classes", expected, again)
        if not np.isfinite(found).all():
            return Problem(where, "NaN or infinity", "log-probabilities", again)
        if file.probe is None or file.precision != "float32":
            return None  # whole numbers are rounded differently by each processor
        difference = file.probe.difference(found)
        if difference <= TOLERANCE:
            return None
        return Problem(
            where,
            f"log-probabilities that differ by up to {difference:.3g} in {file.runtime}",
            f"those that it gave when it was exported, to {TOLERANCE:g}",
            "Use another runtime, or export the model again on this machine.",
        )

    def parts(
        self, model: LoadedModel, threads: int | None = None, stream_threads: int | None = None
    ) -> RecognizerParts:
        """The parts of a recogniser.

        Args:
          model: one of the folder's.
          threads: that the decoder uses where its parameters do not say; None: all cores.
          stream_threads: that compute a stream; None: as many.

        Raises:
          InputError: beam search is asked for, and something it needs is missing or unfit.
        """
        described = self.described
        decoder_params = dict(self.params["decoder_params"])
        decoder_params["decoder_threads"] = decoder_params["decoder_threads"] or threads
        vocabulary = SymbolTable(described.symbols)
        decoder = make_decoder(decoder_params, vocabulary, described.frame_shift)
        if decoder.note:
            _log.info("Beam search: %s", decoder.note)
        return {
            "front_end": RawSamples(described.sample_freq, described.hop_length),
            "network": ExportedNetwork(model),
            "vocabulary": vocabulary,
            "decoder": decoder,
            "frame_shift": described.frame_shift,
            "time_stride": described.time_stride,
            "segmentation": self.params["segmentation"],
            "batch_size": _BATCH_SIZE,
            "threads": min(threads or available_cores(), _MOST_LOADERS),
            "trained_on": described.trained_on,
            "make_streaming": self._streaming(model, stream_threads or threads),
        }


def parts_of_folder(
    path: str | Path,
    overrides: Sequence[str] = (),
    runtime: str | None = None,
    precision: str | None = None,
    threads: int | None = None,
    stream_threads: int | None = None,
) -> RecognizerParts:
    """See `Recognizer.load`.

    Raises:
      InputError: the folder cannot be used, or has no model for the runtime and precision.
    """
    folder = ExportedFolder.open(path, split_arguments(overrides))
    name = choose_model(folder.described, runtime, precision)
    return folder.parts(folder.load(name, threads), threads, stream_threads)


def _filled(
    path: Path, described: ExportedModel, overrides: Sequence[Override], mode: str
) -> Params:
    """The parameters with the overrides, and the paths of the folder's files."""
    given: dict[str, Any] = {
        "decoder_params": dict(described.decoder),
        "segmentation": dict(described.segmentation),
    }
    apply_overrides(given, overrides, PARAMS, mode)
    decoder = given["decoder_params"]
    if isinstance(decoder, dict) and decoder.get("use_language_model"):
        changed = [one.path[1] for one in overrides if one.path[0] == "decoder_params"]
        decoder |= described.decoder_paths(path, but=changed)
    problems = PARAMS.problems(given)
    if problems:
        raise InputError(f"{path / DESCRIPTION}: the parameters are not valid:", problems)
    return PARAMS.fill(given)
