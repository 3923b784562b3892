"""Citrinet-512 on LibriSpeech: citrinet_256.py with twice the channels.

Command:
    python run.py --config_file=example_configs/speech2text/citrinet_512.py --mode=train_eval

Parameters: 36,502,033
Published: no count of parameters and no error rate was at hand to compare with; the architecture is
that of arXiv:2104.01721, as NVIDIA NeMo builds it.
Run here: built, one training step and a checkpoint's round trip on synthetic audio
(tests/example_configs); not trained.
"""

from citrinet_256 import base_model, eval_params, infer_params, layers, train_params
from citrinet_256 import base_params as citrinet_256

__all__ = ["base_model", "base_params", "eval_params", "infer_params", "train_params"]

base_params = {
    **citrinet_256,
    "logdir": "runs/citrinet_512",
    "encoder_params": {**citrinet_256["encoder_params"], "convnet_layers": layers(512)},
}
