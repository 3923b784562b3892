"""Deep Speech 2 as in ds2_large_8gpus.py, in mixed precision.

Command:
    python run.py --config_file=example_configs/speech2text/ds2_large_8gpus_mp.py --mode=train_eval

Parameters: 58,971,133
Published: greedy WER 6.71 % dev-clean after 200 epochs, --num_epochs=200 (OpenSeq2Seq,
docs/sources/source/speech-recognition/deepspeech2.rst).
Run here: built, one training step and a checkpoint's round trip on synthetic audio
(tests/example_configs); not trained.
"""

from ds2_large_8gpus import base_model, eval_params, infer_params, train_params
from ds2_large_8gpus import base_params as in_float32

__all__ = ["base_model", "base_params", "eval_params", "infer_params", "train_params"]

base_params = {
    **in_float32,
    "logdir": "runs/ds2_large_8gpus_mp",
    "dtype": "mixed",
    "print_loss_steps": 100,
    "save_checkpoint_steps": 10000,
}
