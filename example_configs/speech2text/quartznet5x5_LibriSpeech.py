"""QuartzNet 5x5 on LibriSpeech: quartznet15x5_LibriSpeech.py with fewer blocks, as in the paper.

Command:
    python run.py --config_file=example_configs/speech2text/quartznet5x5_LibriSpeech.py --mode=train_eval

Parameters: 6,714,973
Published: greedy WER 5.37 % dev-clean (NVIDIA NeMo's model, as the README of Scribosermo gives it).
The architecture is from arXiv:1910.10261.
Run here: built, one training step and a checkpoint's round trip on synthetic audio
(tests/example_configs); not trained.
"""

from quartznet15x5_LibriSpeech import base_model, eval_params, infer_params, layers, train_params
from quartznet15x5_LibriSpeech import base_params as quartznet15x5

__all__ = ["base_model", "base_params", "eval_params", "infer_params", "train_params"]

base_params = {
    **quartznet15x5,
    "logdir": "runs/quartznet5x5_LibriSpeech",
    "encoder_params": {
        **quartznet15x5["encoder_params"],
        "convnet_layers": layers(repeats=1, last_residual=False),
    },
}
