"""Wave2Letter+ as in w2lplus_large_8gpus.py, in mixed precision with twice the batch.

Command:
    python run.py --config_file=example_configs/speech2text/w2lplus_large_8gpus_mp.py --mode=train_eval

Parameters: 106,496,285
Published: for Wave2Letter+, see w2lplus_large_8gpus.py.
Run here: built, one training step and a checkpoint's round trip on synthetic audio
(tests/example_configs); not trained.
"""

from w2lplus_large_8gpus import base_model, eval_params, infer_params, train_params
from w2lplus_large_8gpus import base_params as in_float32

__all__ = ["base_model", "base_params", "eval_params", "infer_params", "train_params"]

base_params = {
    **in_float32,
    "logdir": "runs/w2lplus_large_8gpus_mp",
    "dtype": "mixed",
    "batch_size_per_gpu": 64,
}
