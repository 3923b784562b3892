"""A recogniser behind HTTP and WebSocket: uploads, live streams, a web page.

Above a `Recognizer`, below `commands/serve.py`. `Service` is what all requests share, `make_app`
the ASGI application over it, `run_server` what listens. Computing is done in threads: the event
loop only moves bytes. docs/serving.md has the protocols.
"""

from open_seq2seq.serving.limits import Limits

__all__ = ["Limits"]
