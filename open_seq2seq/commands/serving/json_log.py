"""A server's log: a JSON object a line, for programs that gather logs."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timezone


class JsonLines(logging.Formatter):
    """`time`, `level`, and of a request its facts, of anything else `message`."""

    def format(self, record: logging.LogRecord) -> str:
        """See logging."""
        time = datetime.fromtimestamp(record.created, timezone.utc)
        about = getattr(record, "facts", None) or {"message": record.getMessage()}
        content = {
            "time": time.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            **about,
        }
        return json.dumps(content, ensure_ascii=False)


def log_json(quiet: bool) -> None:
    """Writes what the server says of its work on standard error.

    Args:
      quiet: warnings and errors only.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("open_seq2seq.serving")
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.WARNING if quiet else logging.INFO)
