"""What `open-seq2seq serve` does, once its flags are understood."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Sequence
from urllib.parse import quote

import python_multipart  # noqa: F401
import websockets  # noqa: F401

from open_seq2seq.commands.serving.json_log import log_json
from open_seq2seq.commands.serving.loading import loaders_of
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.messages import RESULT, say
from open_seq2seq.native_build.cpu import available_cores
from open_seq2seq.serving import Limits
from open_seq2seq.serving.api_keys import ApiKeys
from open_seq2seq.serving.models import Models
from open_seq2seq.serving.origins import Origins
from open_seq2seq.serving.server import listening_socket, run_server
from open_seq2seq.serving.service import Service

_LOCAL = ("127.0.0.1", "localhost", "::1")
_WARNING = 30


def run(flags: argparse.Namespace, rest: Sequence[str]) -> int:
    """Serves until it is told to stop.

    Args:
      flags: those of the command.
      rest: overrides of parameters.

    Returns: the exit code.

    Raises:
      InputError: wrong usage or input.
      RunError: something failed while running.
    """
    overrides = list(rest)
    if flags.lm:
        path = os.path.abspath(flags.lm)
        overrides += [
            "--decoder_params/use_language_model=True",
            f"--decoder_params/lm_path={path}",
        ]
    # What is wrong is said before the models, which take seconds.
    loaders = loaders_of(flags.models, overrides, flags.threads)
    keys = ApiKeys.read(flags.api_key_file) if flags.api_key_file else None
    origins = Origins(flags.host, flags.allow_origin)
    for name in ("certificate", "certificate_key"):
        path = getattr(flags, name)
        if path and not os.access(path, os.R_OK):
            problem = Problem(f"--{name}={path}", "no file that can be read", "a PEM file")
            raise InputError("TLS cannot be used:", [problem])
    listening = listening_socket(flags.host, flags.port)
    with listening:
        limits = Limits(
            sessions=flags.max_sessions,
            upload_bytes=flags.max_upload_mb << 20,
            upload_seconds=60 * flags.max_minutes,
            stream_seconds=60 * flags.max_minutes,
            starts_per_minute=flags.max_starts,
            drain_seconds=flags.drain_seconds,
        )
        models = Models(loaders, flags.threads or available_cores())
        service = Service(models, limits, origins, keys)
        log_json(flags.quiet)
        _introduce(flags, service, listening.getsockname()[1])
        run_server(service, listening, _told, flags.certificate, flags.certificate_key)
    say("Stopped.")
    if service.computes:
        # Python would wait for the thread of an upload that was cut, an hour of speech perhaps.
        logging.shutdown()
        os._exit(0)
    return 0


def _introduce(flags: argparse.Namespace, service: Service, port: int) -> None:
    """What there is to know before anyone comes."""
    for model in service.models.all():
        if model.why_windows:
            say(f"{model.name}: streams by windows that overlap, because of {model.why_windows}")
    if flags.host not in _LOCAL and service.keys is None:
        say(
            f"Everyone who reaches this machine at {flags.host} may use the server: "
            "--api_key_file=FILE asks for a key, --host=127.0.0.1 is for this machine alone.",
            level=_WARNING,
        )
    if flags.host not in _LOCAL and not flags.certificate:
        say(
            "Without --certificate, or a proxy with TLS, speech and keys can be read on the way, "
            "and browsers of other machines refuse the microphone.",
            level=_WARNING,
        )
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        say("The server runs as root, which it does not need.", level=_WARNING)
    scheme = "https" if flags.certificate else "http"
    host = f"[{flags.host}]" if ":" in flags.host else quote(flags.host)
    names = ", ".join(model.name for model in service.models.all())
    say(f"Serving {names}: {scheme}://{host}:{port}/ (Ctrl-C ends it)", level=RESULT)


def _told(text: str) -> None:
    say(text, level=RESULT)
