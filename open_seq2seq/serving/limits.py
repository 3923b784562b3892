"""What a client may ask for, and how long it is waited for."""

from __future__ import annotations

from dataclasses import dataclass

_MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Limits of a server; docs/serving.md lists them.

    Args:
      sessions: live streams at the same time.
      uploads: uploads that are computed at the same time.
      waiting: uploads that wait for their turn; waiting_per_client: of one client.
      upload_bytes: of a request's body.
      upload_seconds, stream_seconds: of audio in an upload or a stream.
      channels, sample_freq: of an uploaded file, at most.
      audio_bytes: of a message of audio.
      message_bytes: of any message: that which resumes a stream is the longest.
      starts_per_minute: requests that compute something, of one client.
      hot_words: phrases of a request.
      beam_width, nbest: of a request, at most.
      receive_seconds: between two messages, or two parts of a body, of a client.
      send_seconds: until a client takes what is sent to it.
      drain_seconds: that streams and uploads have to end when the server stops.
    """

    sessions: int = 64
    uploads: int = 1
    waiting: int = 64
    waiting_per_client: int = 16
    upload_bytes: int = 200 * _MIB
    upload_seconds: float = 4 * 3600.0
    stream_seconds: float = 4 * 3600.0
    channels: int = 16
    sample_freq: int = 384_000
    audio_bytes: int = _MIB
    message_bytes: int = 16 * _MIB
    starts_per_minute: int = 600
    hot_words: int = 1000
    beam_width: int = 1000
    nbest: int = 100
    receive_seconds: float = 30.0
    send_seconds: float = 10.0
    drain_seconds: float = 30.0
