"""What DeepSpeech's calls take: 16-bit samples."""

from __future__ import annotations

from typing import Any

import numpy as np

from open_seq2seq.errors import InputError, Problem


def checked_audio(call: str, audio: Any) -> np.ndarray:
    """Samples `[n]` int16.

    Args:
      call: DeepSpeech's name of the call.
      audio: what it was given.

    Raises:
      InputError: it is something else; floats are not converted, as nobody knows their scale.
    """
    expected = "a NumPy array [n] of int16, one channel at Model.sampleRate()"
    found, remedy = "", ""
    if not isinstance(audio, np.ndarray):
        found = type(audio).__name__
        remedy = "Bytes of 16-bit samples are read by np.frombuffer(data, np.int16)."
    elif audio.dtype != np.int16:
        found = f"an array of {audio.dtype}"
        remedy = "Floats in [-1, 1]: (samples * 32767).astype(np.int16)."
    elif audio.ndim != 1:
        found = f"an array of shape {list(audio.shape)}"
        remedy = "Take one channel, or the mean of all."
    if found:
        raise InputError("This is no audio:", [Problem(call, found, expected, remedy)])
    return audio
