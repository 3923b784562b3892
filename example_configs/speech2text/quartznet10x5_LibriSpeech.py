"""QuartzNet 10x5 on LibriSpeech: quartznet15x5_LibriSpeech.py with fewer blocks, as in the paper.

Command:
    python run.py --config_file=example_configs/speech2text/quartznet10x5_LibriSpeech.py --mode=train_eval

Parameters: 12,822,621
Published: greedy WER 3.47 % dev-clean, 10.84 % dev-other, 3.69 % test-clean, 10.69 % test-other,
on eight A100 in mixed precision (github.com/NVIDIA/DeepLearningExamples, whose training differs
from this config). The architecture is from arXiv:1910.10261.
Run here: built, one training step and a checkpoint's round trip on synthetic audio
(tests/example_configs); not trained.
"""

from quartznet15x5_LibriSpeech import base_model, eval_params, infer_params, layers, train_params
from quartznet15x5_LibriSpeech import base_params as quartznet15x5

__all__ = ["base_model", "base_params", "eval_params", "infer_params", "train_params"]

base_params = {
    **quartznet15x5,
    "logdir": "runs/quartznet10x5_LibriSpeech",
    "encoder_params": {
        **quartznet15x5["encoder_params"],
        "convnet_layers": layers(repeats=2, last_residual=False),
    },
}
