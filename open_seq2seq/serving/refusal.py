"""How a request is refused, in the format of OpenAI's errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from open_seq2seq.errors import InputError


class Refused(Exception):
    """A request that is not served.

    Args:
      status: of HTTP.
      message: one sentence for the caller.
      code: what programs tell it by; also the kind in `/metrics`.
      param: the parameter that is wrong.
      retry_after: seconds after which it may be tried again.
    """

    def __init__(
        self,
        status: int,
        message: str,
        code: str,
        param: str | None = None,
        retry_after: int | None = None,
    ):
        super().__init__(message)
        self.status, self.message, self.code, self.param = status, message, code, param
        self.retry_after = retry_after

    def body(self) -> dict[str, Any]:
        """`{"error": {"message", "type", "param", "code"}}`."""
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        error = {"message": self.message, "type": kind, "param": self.param, "code": self.code}
        return {"error": error}

    def headers(self) -> Mapping[str, str]:
        """Those that belong to it."""
        headers = {}
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return headers


def refusal_of(error: InputError, param: str | None = None, name: str | None = None) -> Refused:
    """What is wrong with an input, for the caller.

    Args:
      error: its problems are told, in a line.
      param: the parameter that it is about.
      name: stands for the place of each problem, which a path of this machine may be.
    """
    problems = []
    for one in error.problems:
        where = one.where if name is None else name
        told = f"{where}: found {one.found}, expected {one.expected}."
        problems.append(f"{told} {one.remedy}" if one.remedy and name is None else told)
    text = " ".join(problems) or error.summary
    return Refused(400, text, "invalid_value", param)
