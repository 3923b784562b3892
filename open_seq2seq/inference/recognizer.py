"""Interactive inference: load a trained model once, transcribe whenever you like.

recognizer = Recognizer.load("example_configs/speech2text/digits_jasper_mini.py")
for result in recognizer.transcribe(["seven.flac", samples]):
    print(result.text, result.words)

An exported model is loaded by its folder: docs/export.md. This module imports no Keras.
"""

from __future__ import annotations

import copy
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from open_seq2seq.config.schema import Params
from open_seq2seq.data.audio import (
    audio_info,
    mono_blocks,
    read_audio,
    resample,
    resampled_blocks,
)
from open_seq2seq.decoders import Decoder, DecodeResult
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.inference.front_end import FrontEnd
from open_seq2seq.inference.long_recordings import LongRecordings
from open_seq2seq.inference.transcriber import Network, Transcriber, Transcription
from open_seq2seq.streaming import (
    BufferedNetwork,
    Session,
    StreamingNetwork,
    StreamPool,
    WindowLengths,
)
from open_seq2seq.vocabulary import SymbolTexts

if TYPE_CHECKING:
    from open_seq2seq.experiment import Experiment

Audio = str | Path | np.ndarray

_log = logging.getLogger(__name__)
_EXPORT_AGAIN = "Export a model that can stream, or use buffered_stream."


class Recognizer:
    """A trained model that transcribes: front-end, network, vocabulary and decoder.

    Evaluation during training and after it, `run.py --mode=infer`, `--infer_files` and Python's
    programs all use this one object, for a model in training, a checkpoint and an exported
    folder: one way of cutting, decoding and saying what is wrong.

    Args:
      front_end: samples -> what the network takes.
      network: its logits, or log-probabilities.
      vocabulary: the network's symbols.
      decoder: logits -> results.
      frame_shift: seconds from one frame of logits to the next.
      time_stride: frames of features for one of logits.
      segmentation: how long recordings are cut; filled parameters of `segmentation`.
      batch_size: recordings that are computed together.
      threads: how many recordings are read at the same time.
      trained_on: "longest" and "mean" of training's recordings, in seconds; None: unknown.
      make_streaming: what makes the network of streams, or raises `InputError` where there is
        none; None: there is none.
    """

    def __init__(
        self,
        front_end: FrontEnd,
        network: Network,
        vocabulary: SymbolTexts,
        decoder: Decoder,
        *,
        frame_shift: float,
        time_stride: int,
        segmentation: Params,
        batch_size: int = 32,
        threads: int = 1,
        trained_on: Mapping[str, float] | None = None,
        make_streaming: Callable[[], StreamingNetwork] | None = None,
    ):
        self._make_streaming = make_streaming
        self._streaming: StreamingNetwork | None = None
        self._stream_lock = threading.Lock()
        self.front_end, self.vocabulary, self.decoder = front_end, vocabulary, decoder
        self.sample_freq = front_end.sample_freq
        self.frame_shift, self.time_stride = frame_shift, time_stride
        self.transcriber = Transcriber(network, decoder.decode, batch_size, max(threads, 1))
        self.recordings = LongRecordings(
            self.transcriber,
            front_end,
            vocabulary.symbols,
            front_end.hop_length * time_stride,
            frame_shift,
            segmentation,
            trained_on,
        )

    @classmethod
    def of(cls, experiment: Experiment) -> Recognizer:
        """An experiment's model, which may be in training.

        Args:
          experiment: the model, a data layer whose front-end and vocabulary it has, and the
            parameters of the mode in which texts are wanted.

        Raises:
          InputError: beam search is asked for, and something it needs is missing or unfit.
        """
        from open_seq2seq.inference.trained import parts_of_experiment

        return cls(**parts_of_experiment(experiment))

    @classmethod
    def load(
        cls,
        source: str | Path,
        overrides: Sequence[str] = (),
        checkpoint: str | Path | None = None,
        enable_logs: bool = False,
        *,
        runtime: str | None = None,
        precision: str | None = None,
        threads: int | None = None,
        stream_threads: int | None = None,
    ) -> Recognizer:
        """Loads a trained model: a config with its newest (or best) checkpoint, or an exported one.

        Args:
          source: the Python config module that it was trained with, or the folder of an exported
            model, which needs neither Keras nor (but for its own runtime) TensorFlow.
          overrides: as on the command line, `["--logdir=runs/digits"]`; of an exported model those
            of `decoder_params` and `segmentation`.
          checkpoint: of a config, a checkpoint's folder instead of the log directory's.
          enable_logs: of a config, whether it was trained with `--enable_logs`.
          runtime: of an exported model, "onnxruntime", "openvino", "litert" or "tensorflow"; None:
            the first of these that is installed and that there is a model for.
          precision: of an exported model, "float32", "int8" and so on; None: the most precise.
          threads: of an exported model, how many compute, decode and read; None: all cores.
          stream_threads: of an exported model, how many compute a stream; None: `threads`.

        Raises:
          InputError: config, overrides, checkpoint or exported model cannot be used.
        """
        exported = {"runtime": runtime, "precision": precision, "threads": threads,
                    "stream_threads": stream_threads}  # fmt: skip
        trained = {"checkpoint": checkpoint, "enable_logs": enable_logs or None}
        if Path(source).is_dir():
            from open_seq2seq.inference.exported import parts_of_folder

            _check_unused(trained, source, "a config file")
            return cls(
                **parts_of_folder(source, overrides, runtime, precision, threads, stream_threads)
            )
        from open_seq2seq.inference.trained import load_trained

        _check_unused(exported, source, "the folder of an exported model")
        return cls.of(load_trained(source, overrides, checkpoint, enable_logs))

    def with_decoder(self, decoder: Decoder) -> Recognizer:
        """The same network with another decoder; what is loaded is shared.

        Args:
          decoder: made for the network's symbols and frame shift.
        """
        other = copy.copy(self)
        other.decoder = decoder
        other.transcriber = replace(self.transcriber, decode=decoder.decode)
        other.recordings = replace(self.recordings, transcriber=other.transcriber)
        return other

    @overload
    def transcribe(
        self,
        audio: Sequence[Audio],
        sample_freq: int | None = None,
        on_error: Literal["raise"] = "raise",
    ) -> list[DecodeResult]: ...
    @overload
    def transcribe(
        self, audio: Sequence[Audio], sample_freq: int | None, on_error: Literal["skip"]
    ) -> list[DecodeResult | None]: ...
    @overload
    def transcribe(
        self, audio: Sequence[Audio], *, on_error: Literal["skip"]
    ) -> list[DecodeResult | None]: ...
    def transcribe(
        self, audio: Sequence[Audio], sample_freq: int | None = None, on_error: str = "raise"
    ) -> Any:
        """The transcript of each recording, in order.

        Args:
          audio: paths of audio files, or 1-D arrays of samples: floats in [-1, 1], or
            16-bit integers.
          sample_freq: the sample rate of the arrays in Hz; None: the model's own.
          on_error: what becomes of recordings that cannot be read. "raise": the others are
            transcribed, then a `RecordingsLeftOut` with their results is raised; "skip": the
            list has None in their place, and a line of each is logged.

        Raises:
          RecordingsLeftOut: recordings cannot be read; an InputError.
          InputError: `audio` holds something that is no recording.
        """
        return self._all(audio, sample_freq, on_error, lambda one: one.result)

    def logits(
        self, audio: Sequence[Audio], sample_freq: int | None = None, on_error: str = "raise"
    ) -> list[Any]:
        """The logits `[time, class]` of each recording, in order; all else as `transcribe`.

        Of an exported model they are log-probabilities.
        """
        return self._all(audio, sample_freq, on_error, lambda one: one.logits, logits=True)

    def log_probs(
        self, audio: Sequence[Audio], sample_freq: int | None = None, on_error: str = "raise"
    ) -> list[Any]:
        """The natural logarithms of the symbols' probabilities, `[time, class]` of each recording.

        The blank is the last class; all else as `transcribe`.
        """

        def value(one: Transcription) -> np.ndarray | None:
            return None if one.logits is None else log_softmax(one.logits)

        return self._all(audio, sample_freq, on_error, value, logits=True)

    def transcriptions(
        self, audio: Sequence[Audio], sample_freq: int | None = None, logits: bool = False
    ) -> Iterator[Transcription]:
        """What comes of each recording, in order, as soon as it is known.

        Args:
          audio, sample_freq: as for `transcribe`.
          logits: return the logits, and no transcript.

        Raises:
          InputError: `audio` holds something that is no recording. What is wrong with a recording
            is in its `Transcription`.
        """
        given = _recordings(audio)
        seconds = [self._seconds(one, sample_freq) for one in given]
        note = self.recordings.note(seconds)
        if note:
            _log.info(note)

        def load(index: int) -> np.ndarray:
            return self._input(given[index], sample_freq, f"audio[{index}]")

        def blocks(index: int) -> Iterator[np.ndarray]:
            return self._blocks(given[index], sample_freq)

        everything = range(len(given))
        return self.recordings.among(everything, seconds, load, blocks, logits, not logits)

    # --- streams

    @property
    def streaming_network(self) -> StreamingNetwork:
        """What streams are computed with, made when it is first asked for.

        Raises:
          InputError: the model needs whole recordings; says which layer or parameter, and what
            to set instead.
        """
        with self._stream_lock:
            if self._streaming is None:
                if self._make_streaming is None:
                    problem = Problem(
                        "model", "one for whole recordings", "one that streams", _EXPORT_AGAIN
                    )
                    raise InputError("There is no stream of this model:", [problem])
                self._streaming = self._make_streaming()
            return self._streaming

    def stream(self, sample_freq: int | None = None, **options: Any) -> Session:
        """Begins a stream: its text while it goes on, and in the end that of the whole recording.

        Args:
          sample_freq: the rate of the samples that come, in Hz; None: the model's own.
          options: `chunk_seconds`, `endpoint_rules`, `voice_gate`, `resumable`; see `Session`.

        Raises:
          InputError: the model needs whole recordings (see `buffered_stream`), or an option
            cannot be used.
        """
        return Session(self.streaming_network, *self._texts(), sample_freq=sample_freq, **options)

    def stream_pool(self, most_together: int = 32, computations: int = 1) -> StreamPool:
        """Streams that are computed together, from one thread or many.

        Args:
          most_together: streams of a computation.
          computations: at the same time.

        Raises:
          InputError: the model needs whole recordings.
        """
        return StreamPool(self.streaming_network, *self._texts(), most_together, computations)

    def buffered_stream(
        self, sample_freq: int | None = None, windows: WindowLengths | None = None, **options: Any
    ) -> Session:
        """Begins a stream of any model, by windows that overlap.

        It costs more than `stream`, and its text is that of the whole recording only where the
        windows reach as far as the network sees.

        Args:
          sample_freq: the rate of the samples that come, in Hz; None: the model's own.
          windows: their lengths, in seconds.
          options: `endpoint_rules`, `voice_gate`, `resumable`; see `Session`.

        Raises:
          InputError: an option cannot be used.
        """
        network = self._buffered(windows)
        return Session(
            network,
            *self._texts(),
            sample_freq=sample_freq,
            chunk_seconds=network.chunk_seconds,
            **options,
        )

    def buffered_stream_pool(
        self, windows: WindowLengths | None = None, most_together: int = 32
    ) -> StreamPool:
        """`stream_pool` of any model, by windows that overlap: see `buffered_stream`.

        Args:
          windows: their lengths, in seconds. Streams are to have their chunk.
          most_together: streams that are computed at once.

        Raises:
          InputError: the windows cannot be used.
        """
        return StreamPool(self._buffered(windows), *self._texts(), most_together)

    def why_no_stream(self) -> str | None:
        """Why there is no stream of the model, in a line; None: there is one."""
        try:
            self.streaming_network  # noqa: B018
        except InputError as error:
            return " ".join(map(str, error.problems)) or error.summary
        return None

    def _buffered(self, windows: WindowLengths | None) -> BufferedNetwork:
        return BufferedNetwork(
            self.front_end,
            self.transcriber.logits,
            self.sample_freq,
            self.front_end.hop_length * self.time_stride,
            windows or WindowLengths(),
        )

    def _texts(self) -> tuple[Decoder, Sequence[str], float]:
        """What makes texts of rows."""
        return self.decoder, self.vocabulary.symbols, self.frame_shift

    # --- recordings

    def _input(self, audio: Audio, sample_freq: int | None, name: str) -> np.ndarray:
        """What the network takes of one recording.

        Raises:
          InputError: the recording cannot be read; `name` says which of some arrays it is.
        """
        if not isinstance(audio, np.ndarray):
            return self.front_end(read_audio(audio, self.sample_freq))
        try:
            if audio.dtype == np.int16:
                audio = audio.astype(np.float32) / 32768
            if audio.ndim == 1 and sample_freq and np.issubdtype(audio.dtype, np.floating):
                samples = audio.astype(np.float32, copy=False)
                audio = resample(samples, sample_freq, self.sample_freq)
            return self.front_end(audio)
        except InputError as error:
            problem = replace(error.problems[0], where=name)
            raise InputError(error.summary, [problem]) from None

    def _seconds(self, audio: Audio, sample_freq: int | None) -> float:
        """The length of a recording; 0 of one that cannot be used, which is said when it is."""
        if not isinstance(audio, np.ndarray):
            try:
                return audio_info(audio).duration
            except InputError:
                return 0.0
        usable = audio.ndim == 1 and (
            audio.dtype == np.int16 or np.issubdtype(audio.dtype, np.floating)
        )
        return len(audio) / (sample_freq or self.sample_freq) if usable else 0.0

    def _blocks(self, audio: Audio, sample_freq: int | None) -> Iterator[np.ndarray]:
        """A recording's samples at the model's rate."""
        if not isinstance(audio, np.ndarray):
            return mono_blocks(audio, self.sample_freq)
        rate = sample_freq or self.sample_freq
        scale = np.float32(1 / 32768 if audio.dtype == np.int16 else 1)
        parts = (audio[first : first + rate] for first in range(0, len(audio), rate))
        floats = (part.astype(np.float32) * scale for part in parts)
        return resampled_blocks(floats, rate, self.sample_freq)

    def _all(
        self,
        audio: Sequence[Audio],
        sample_freq: int | None,
        on_error: str,
        value: Callable[[Transcription], Any],
        logits: bool = False,
    ) -> list[Any]:
        """`value` of what comes of each recording: returned, or in the error."""
        if on_error not in ("raise", "skip"):
            raise ValueError(f'on_error is "raise" or "skip". Received: on_error={on_error!r}')
        done = list(self.transcriptions(audio, sample_freq, logits))
        problems = [problem for one in done if one.error for problem in one.error.problems]
        values = [value(one) for one in done]
        if problems and on_error == "raise":
            raise RecordingsLeftOut(problems, values)
        for problem in problems:
            _log.warning("Left out: %s", problem)
        return values


class RecordingsLeftOut(InputError):
    """Recordings could not be read; the others have been transcribed.

    Args:
      problems: one for each that could not.
      results: what would have been returned of each, in order: transcripts, logits or log
        probabilities; None where there is none.
    """

    def __init__(self, problems: Sequence[Problem], results: list[Any]):
        count = f"{len(problems)} of {len(results)} recordings"
        super().__init__(
            f"{count} could not be read. The results of the others are in this error's `results`; "
            'on_error="skip" returns them.',
            problems,
        )
        self.results = results


def _recordings(audio: Sequence[Audio]) -> Sequence[Audio]:
    """A list of recordings, of which a single one may stand for itself."""
    if isinstance(audio, (str, Path, np.ndarray)):
        return [audio]
    problems = [
        Problem(f"audio[{index}]", type(one).__name__, "a path or a 1-D NumPy array of samples")
        for index, one in enumerate(audio)
        if not isinstance(one, (str, Path, np.ndarray))
    ]
    if problems:
        raise InputError("Not a recording:", problems)
    return audio


def _check_unused(arguments: Mapping[str, Any], source: str | Path, of: str) -> None:
    """Raises InputError for arguments that are of another kind of model."""
    problems = [
        Problem(f"{name}={value!r}", f"the model {source}", of)
        for name, value in arguments.items()
        if value is not None
    ]
    if problems:
        raise InputError("The arguments do not fit the model:", problems)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """The natural logarithms of the softmax over the last axis; computed in float64."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True, initial=-np.inf)
    logs = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return logs.astype(np.float32)
