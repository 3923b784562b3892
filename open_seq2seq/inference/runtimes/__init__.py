"""What runs exported models: ONNX Runtime, OpenVINO, LiteRT and TensorFlow, by name.

Each is imported when a model of it is loaded, so that one that is not installed is missed by
nobody who does not use it.
"""

from open_seq2seq.inference.runtimes.loaded_model import (
    LoadedModel,
    is_installed,
    not_installed,
)
from open_seq2seq.inference.runtimes.names import RUNTIMES
from open_seq2seq.inference.runtimes.session import Session

__all__ = ["RUNTIMES", "LoadedModel", "Session", "is_installed", "not_installed"]
