"""A trained model as a folder: what it holds, written once and read with care.

`recognizer.json` describes the model files beside it: docs/export.md.
"""

from open_seq2seq.exported.description import DESCRIPTION, FORMAT, Context, ExportedModel
from open_seq2seq.exported.file import ExportedFile
from open_seq2seq.exported.probe import TOLERANCE, Probe
from open_seq2seq.exported.stream import StreamGraph, StreamState

__all__ = [
    "DESCRIPTION",
    "FORMAT",
    "TOLERANCE",
    "Context",
    "ExportedFile",
    "ExportedModel",
    "Probe",
    "StreamGraph",
    "StreamState",
]
