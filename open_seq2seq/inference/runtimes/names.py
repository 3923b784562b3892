"""The runtimes by the names that `recognizer.json` and the command line have for them."""

from __future__ import annotations

from open_seq2seq.inference.runtimes.litert import LiteRTSession
from open_seq2seq.inference.runtimes.litert_stream import LiteRTStreamSession
from open_seq2seq.inference.runtimes.onnxruntime import OnnxRuntimeSession
from open_seq2seq.inference.runtimes.onnxruntime_stream import OnnxRuntimeStreamSession
from open_seq2seq.inference.runtimes.openvino import OpenVINOSession
from open_seq2seq.inference.runtimes.openvino_stream import OpenVINOStreamSession
from open_seq2seq.inference.runtimes.session import Session
from open_seq2seq.inference.runtimes.stream_session import StreamSession
from open_seq2seq.inference.runtimes.tensorflow import TensorFlowSession
from open_seq2seq.inference.runtimes.tensorflow_stream import TensorFlowStreamSession

# In the order in which they are chosen where there are several: the fastest one first.
RUNTIMES: dict[str, type[Session]] = {
    "onnxruntime": OnnxRuntimeSession,
    "openvino": OpenVINOSession,
    "litert": LiteRTSession,
    "tensorflow": TensorFlowSession,
}
# Those that run graphs of streams, in the same order.
STREAM_RUNTIMES: dict[str, type[StreamSession]] = {
    "onnxruntime": OnnxRuntimeStreamSession,
    "openvino": OpenVINOStreamSession,
    "litert": LiteRTStreamSession,
    "tensorflow": TensorFlowStreamSession,
}
