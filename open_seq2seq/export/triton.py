"""What NVIDIA Triton Inference Server wants to know of an exported ONNX model."""

from __future__ import annotations

from open_seq2seq.export.trained_model import TrainedModel

NAME = "config.pbtxt"
_CONFIG = """\
# Triton's model repository: {name}/config.pbtxt and {name}/1/model.onnx.
name: "{name}"
platform: "onnxruntime_onnx"
# Recordings of a batch are padded by the client, who says how many samples count.
max_batch_size: 0
input [
  {{ name: "samples", data_type: TYPE_FP32, dims: [ -1, -1 ] }},
  {{ name: "num_samples", data_type: TYPE_INT32, dims: [ -1 ] }}
]
output [
  {{ name: "log_probs", data_type: TYPE_FP32, dims: [ -1, -1, {classes} ] }},
  {{ name: "lengths", data_type: TYPE_INT32, dims: [ -1 ] }}
]
"""


def triton_config(model: TrainedModel, name: str) -> str:
    """The text of `config.pbtxt`.

    Args:
      model: the model that was written.
      name: that of the exported folder.
    """
    return _CONFIG.format(name=name, classes=model.classes)
