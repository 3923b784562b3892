"""A small QuartzNet on mini-LibriSpeech, which hears 0.63 s ahead: for text while people speak.

QuartzNet 5x5's kernels, with 256 channels and three convolutions a block. Its lower layers look
ahead until 0.63 s are used; the others pad on the left. Features and data are those of
ds2_streaming_mini_librispeech.py.

Command (import, check, training, language model, decoding, report):
    scripts/recipes/mini_librispeech.sh DATA_DIR runs/quartznet_streaming/mini_librispeech \\
        --config_file=example_configs/speech2text/quartznet_streaming_mini_librispeech.py
or, when train.csv and dev.csv are there:
    python run.py --config_file=example_configs/speech2text/quartznet_streaming_mini_librispeech.py --mode=train_eval

Latency: `open-seq2seq context --config_file=...` prints it. Another one is another training, with
--encoder_params/look_ahead_seconds=0.15 (0.31, 1.27; None: 8.3 s, and no stream worth the name).

Parameters: 1,776,989
Run here: built, a training step, a checkpoint's round trip and a stream that is the recording's
(tests/example_configs); not trained.
"""

from ds2_streaming_mini_librispeech import base_model, eval_params, infer_params, train_params
from ds2_streaming_mini_librispeech import base_params as ds2_streaming
from quartznet15x5_LibriSpeech import block

from open_seq2seq.encoders import TDNNEncoder

__all__ = ["base_model", "base_params", "eval_params", "infer_params", "train_params"]

base_params = {
    **ds2_streaming,
    "logdir": "runs/quartznet_streaming/mini_librispeech/logdir",
    "encoder": TDNNEncoder,
    "encoder_params": {
        "convnet_layers": [
            block(33, 256, repeat=1, residual=False, stride=[2]),
            *(block(kernel_size, 256, repeat=3) for kernel_size in (33, 39, 51, 63, 75)),
            block(87, 256, repeat=1, residual=False, dilation=[2]),
            block(1, 512, repeat=1, residual=False, type="conv1d"),
        ],
        "look_ahead_seconds": 0.63,
        "dropout_keep_prob": 0.9,
        "activation_fn": "relu",
    },
}
