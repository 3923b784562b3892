"""The first message of `/v1/stream`: what a client wants of its stream."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from open_seq2seq.errors import InputError
from open_seq2seq.serving.live import FORMATS
from open_seq2seq.serving.models import ServedModel
from open_seq2seq.serving.refusal import Refused, refusal_of
from open_seq2seq.serving.search import Search, search_of
from open_seq2seq.serving.service import Service
from open_seq2seq.streaming import ENDPOINT_RULES, EndpointRule, Session, endpoint_rules_of

# The longest utterance: its hypotheses are in memory until it ends.
_LONGEST = 600.0
_CHUNKS = (0.04, 5.0)
_OPTIONS = {"type", "model", "format", "sample_rate", "chunk_seconds", "endpoints", "resumable",
            "state", "alpha", "beta", "beam_width", "nbest", "hot_words"}  # fmt: skip


@dataclass(frozen=True)
class Start:
    """What is wanted.

    Args:
      model: the model.
      search: what is changed of the search.
      format: of the samples, one of `FORMATS`.
      sample_freq: their rate, in Hz; None: the model's.
      chunk_seconds: what is computed at once; None: as the model has it.
      rules: when an utterance has ended.
      resumable: whether the state may be asked for.
      state: of a stream that goes on here, base64.
    """

    model: ServedModel
    search: Search
    format: str
    sample_freq: int | None
    chunk_seconds: float | None
    rules: tuple[EndpointRule, ...]
    resumable: bool
    state: str | None

    @classmethod
    def of(cls, message: str | bytes, service: Service) -> Start:
        """From the message.

        Raises:
          Refused: it is another one, or something in it makes no sense.
        """
        given = json_object(message)
        if given.get("type") != "start":
            text = 'The first message is {"type": "start", "sample_rate": 16000}; then comes audio.'
            raise Refused(400, text, "invalid_message", "type")
        if unknown := sorted(set(given) - _OPTIONS):
            text = f"{unknown[0][:50]!r} is no option; these are: {', '.join(sorted(_OPTIONS))}."
            raise Refused(400, text, "invalid_message", unknown[0][:50])
        format = given.get("format", "s16le")
        if not isinstance(format, str) or format not in FORMATS:
            raise _wrong("format", format, " or ".join(FORMATS))
        model = given.get("model")
        if model is not None and not isinstance(model, str):
            raise _wrong("model", model, "a name")
        state = given.get("state")
        if state is not None and not isinstance(state, str):
            raise _wrong("state", type(state).__name__, "what the server sent")
        return cls(
            service.models.named(model),
            search_of(given, service.limits),
            format,
            sample_rate_of(given.get("sample_rate")),
            _chunk(given.get("chunk_seconds")),
            endpoints_of(given.get("endpoints")),
            bool(given.get("resumable")) or state is not None,
            state,
        )

    def session(self) -> Session:
        """The stream, at its beginning or where it was; for threads.

        Raises:
          Refused: it cannot be made.
        """
        session = self.model.session(
            self.search,
            self.sample_freq,
            self.chunk_seconds,
            endpoint_rules=self.rules,
            resumable=self.resumable,
        )
        try:
            if self.state is not None:
                session.restore(unpacked(self.state, self.model.name))
            elif self.resumable:
                session.state()  # that it cannot be stored is said now
        except InputError as error:
            raise refusal_of(error) from error
        return session


def packed(state: Mapping[str, np.ndarray], model: str) -> str:
    """A stream's state as text: safetensors, which loads no code, in base64."""
    from safetensors.numpy import save

    arrays = {name: np.asarray(value, order="C") for name, value in state.items()}
    return base64.b64encode(save(arrays, {"model": model})).decode()


def unpacked(text: str, model: str) -> dict[str, np.ndarray]:
    """What `packed` was given.

    Raises:
      Refused: it is no state, or another model's.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    expected = f"what the server sent of a stream of the model {model}"
    try:
        data = base64.b64decode(text, validate=True)
        size = int.from_bytes(data[:8], "little")
        described = json.loads(data[8 : 8 + size])
        arrays: dict[str, np.ndarray] = load(data)
        of = described["__metadata__"]["model"]
    except (ValueError, SafetensorError, KeyError, TypeError, RecursionError):
        raise _wrong("state", "something else", expected) from None
    if of != model:
        raise _wrong("state", f"one of the model {of}", expected)
    for name, value in arrays.items():
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise _wrong("state", f"NaN in {name}", expected)
    return arrays


def json_object(message: str | bytes) -> dict[str, Any]:
    """A message that is a JSON object.

    Raises:
      Refused: it is none.
    """
    try:
        found = json.loads(message) if isinstance(message, str) else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        what = "a binary message" if isinstance(message, bytes) else "something else"
        raise Refused(400, f"Found {what}, expected a JSON object.", "invalid_message")
    return found


def sample_rate_of(given: Any) -> int | None:
    """A rate in Hz.

    Raises:
      Refused: it is none.
    """
    if given is None:
        return None
    whole = isinstance(given, (int, float)) and not isinstance(given, bool)
    if not whole or not 1000 <= given <= 768_000 or given != int(given):
        raise _wrong("sample_rate", given, "a whole number of Hz from 1000 to 768000")
    return int(given)


def endpoints_of(given: Any) -> tuple[EndpointRule, ...]:
    """The rules of endpoints; null stands for never, but utterances have to end some time.

    Raises:
      Refused: they make no sense.
    """
    known = [rule.name for rule in ENDPOINT_RULES]
    times: dict[str, float] = {}
    for name, seconds in (given if isinstance(given, dict) else {}).items():
        number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
        if name not in known or not (number or seconds is None):
            raise _wrong("endpoints", name, f"seconds of {', '.join(known)}")
        times[name] = math.inf if seconds is None else float(seconds)
    if given is not None and not isinstance(given, dict):
        raise _wrong("endpoints", given, f"seconds of {', '.join(known)}")
    if "too_long" in times:
        times["too_long"] = min(times["too_long"], _LONGEST)
    try:
        return tuple(endpoint_rules_of(times, lambda name, value: f"endpoints: {name} {value:g}"))
    except InputError as error:
        raise refusal_of(error, "endpoints") from error


def _chunk(given: Any) -> float | None:
    if given is None:
        return None
    least, most = _CHUNKS
    number = isinstance(given, (int, float)) and not isinstance(given, bool)
    if not number or not least <= given <= most:
        raise _wrong("chunk_seconds", given, f"seconds from {least:g} to {most:g}")
    return float(given)


def _wrong(param: str, found: Any, expected: str) -> Refused:
    text = f"{param}: found {str(found)[:100]!r}, expected {expected}."
    return Refused(400, text, "invalid_value", param)
