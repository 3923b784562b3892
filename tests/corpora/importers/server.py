"""A web server on this machine that serves files, and can be as unreliable as a real one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Archive:
    """Files by name, and how they are served.

    Args:
      files: path -> content.
      continues: requests for a range are answered with it; else with the whole file.
      cut_after: connections end after so many bytes; None: never.
    """

    def __init__(self, files: dict[str, bytes]):
        self.files = files
        self.continues = True
        self.cut_after: int | None = None
        self.requests: list[tuple[str, str | None]] = []
        self.url = ""


@contextmanager
def serving(files: dict[str, bytes]) -> Iterator[Archive]:
    archive = Archive(files)

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.answer(with_content=False)

        def do_GET(self):
            archive.requests.append((self.path.lstrip("/"), self.headers.get("Range")))
            self.answer(with_content=True)

        def answer(self, with_content):
            content = archive.files.get(self.path.lstrip("/"))
            if content is None:
                self.send_error(404)
                return
            start = 0
            asked = self.headers.get("Range")
            if asked and archive.continues:
                start = int(asked.removeprefix("bytes=").removesuffix("-"))
                if start >= len(content):
                    self.send_error(416)
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/*")
            else:
                self.send_response(200)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            if with_content:
                end = None if archive.cut_after is None else start + archive.cut_after
                self.wfile.write(content[start:end])

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    archive.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield archive
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
