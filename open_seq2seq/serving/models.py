"""The models that a server has, by name, and how each is used."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from open_seq2seq.decoders import Decoder
from open_seq2seq.decoders.beam_search import BeamSearch
from open_seq2seq.decoders.params import DECODER_PARAMS
from open_seq2seq.errors import InputError, OpenSeq2SeqError
from open_seq2seq.inference.recognizer import Recognizer
from open_seq2seq.serving.refusal import Refused, refusal_of
from open_seq2seq.serving.search import Search
from open_seq2seq.serving.turns import Turns
from open_seq2seq.streaming import Session, WindowLengths

_log = logging.getLogger(__name__)

# Of models that need whole recordings, in seconds.
WINDOWS = WindowLengths(left=4.0, chunk=0.5, right=1.0)
# Streams of a batch: more cost hardly less each, and need more memory.
_TOGETHER = 16
# The beam of a model that decodes greedily, where a request asks for a search.
_SEARCH = {"use_language_model": True, "lm_scoring": "standard", "beam_width": 64}
# Clients of OpenAI's service ask for its model.
_FIRST_ONE = ("", "default", "whisper-1")


class ServedModel:
    """A recogniser with its streams.

    Args:
      name: what requests call it.
      recognizer: the model.
      threads: that compute streams.
    """

    def __init__(self, name: str, recognizer: Recognizer, threads: int = 1):
        self.name, self.recognizer, self.created = name, recognizer, int(time.time())
        # Why windows that overlap are used for streams; None: they are not.
        self.why_windows = recognizer.why_no_stream()
        if self.why_windows is None:
            self.pool = recognizer.stream_pool(_TOGETHER, threads)
            self.turns = Turns(_TOGETHER, threads)
            self._chunk: dict[str, Any] = {}
        else:
            # Its network is that of uploads, which computes with all threads.
            self.pool = recognizer.buffered_stream_pool(WINDOWS, _TOGETHER)
            self.turns = Turns(_TOGETHER, 1)
            self._chunk = {"chunk_seconds": WINDOWS.chunk}
        self._search: BeamSearch | None = None
        # Seconds, at most, from a sound to its text in a stream, computing aside.
        self.latency = self.pool.stream(**self._chunk).latency
        self._lock = threading.Lock()

    def decoder(self, search: Search) -> Decoder:
        """The decoder that a request asks for; takes a moment, so that it is for threads.

        Raises:
          Refused: a hot word cannot be spelled, or there is no beam search.
        """
        if not search:
            return self.recognizer.decoder
        try:
            return self._beam_search().with_options(search.options, search.hot_words or None)
        except InputError as error:
            raise refusal_of(error, "hot_words" if search.hot_words else None) from error

    def session(
        self,
        search: Search,
        sample_freq: int | None = None,
        chunk_seconds: float | None = None,
        **options: Any,
    ) -> Session:
        """Begins a stream; for threads.

        Args:
          search: what is changed of the search.
          sample_freq: of the samples that come, in Hz.
          chunk_seconds: what is computed at once; models of windows have their own.
          options: see `Session`.

        Raises:
          Refused: an option cannot be used.
        """
        chunk = self._chunk
        if chunk_seconds is not None and not chunk:
            chunk = {"chunk_seconds": chunk_seconds}
        decoder = self.decoder(search)
        try:
            return self.pool.stream(sample_freq, decoder=decoder, **chunk, **options)
        except InputError as error:
            raise refusal_of(error) from error

    def warm_up(self) -> None:
        """Computes a second of silence, so that the first request does not wait for it."""
        session = self.session(Search())
        session.accept(np.zeros(session.sample_freq, np.float32))
        session.finish()

    def _beam_search(self) -> BeamSearch:
        if isinstance(self.recognizer.decoder, BeamSearch):
            return self.recognizer.decoder
        with self._lock:
            if self._search is None:
                params = DECODER_PARAMS.parse(_SEARCH)
                symbols = self.recognizer.vocabulary.symbols
                self._search = BeamSearch(params, symbols, self.recognizer.frame_shift)
            return self._search


class Models:
    """All of them; the first is used where a request names none.

    Args:
      loaders: what loads each, by name.
      threads: that compute streams of a model.

    Raises:
      InputError: one cannot be loaded.
    """

    def __init__(self, loaders: Mapping[str, Callable[[], Recognizer]], threads: int = 1):
        self._loaders, self.threads = dict(loaders), threads
        self._models = self._load()

    def all(self) -> list[ServedModel]:
        """In order."""
        return list(self._models.values())

    def named(self, name: str | None) -> ServedModel:
        """The model that a request asks for.

        Raises:
          Refused: there is none.
        """
        models = self._models
        if name in models:
            return models[name]
        if name is None or name in _FIRST_ONE:
            return next(iter(models.values()))
        text = f"There is no model {name[:100]!r}; there is {', '.join(models)}."
        raise Refused(404, text, "model_not_found", "model")

    def reload(self) -> None:
        """Loads all again; streams and uploads that go on keep what they have.

        Raises:
          OpenSeq2SeqError: one cannot be loaded: all stay as they were.
        """
        self._models = self._load()

    def _load(self) -> dict[str, ServedModel]:
        models = {}
        for name, load in self._loaders.items():
            try:
                models[name] = ServedModel(name, load(), self.threads)
                models[name].warm_up()
            except OpenSeq2SeqError:
                _log.error("The model %s cannot be loaded.", name)
                raise
        return models
