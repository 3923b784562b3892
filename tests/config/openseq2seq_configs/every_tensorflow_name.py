# pylint: skip-file
# ruff: noqa
# fmt: off
# Other ways to the same names, and names that the other configs don't use.
import tensorflow
import tensorflow as tf
import tensorflow.contrib.layers as layers
import tensorflow.compat.v1 as tf1
from tensorflow import float16
from tensorflow.contrib.layers import variance_scaling_initializer
from tensorflow.train import AdamOptimizer
from open_seq2seq.data import Speech2TextDataLayer
from open_seq2seq.decoders import FullyConnectedCTCDecoder
from open_seq2seq.encoders.tdnn_encoder import TDNNEncoder
from open_seq2seq.models import Speech2Text
from open_seq2seq.optimizers.lr_policies import *

base_model = Speech2Text


def clipped(x):
    import tensorflow as later
    return later.clip_by_value(tf1.nn.swish(x), 0., 6.)


base_params = {
    "use_horovod": False,
    "num_gpus": 1,
    "max_steps": 2,
    "batch_size_per_gpu": 4,
    "logdir": "names",
    "optimizer": AdamOptimizer,
    "lr_policy": fixed_lr,
    "lr_policy_params": {"learning_rate": 0.001},
    "dtype": float16,
    "regularizer": layers.l1_l2_regularizer,
    "regularizer_params": {"scale_l1": 1e-4, "scale_l2": 1e-4},
    "initializer": tensorflow.truncated_normal_initializer,
    "initializer_params": {"stddev": 0.1},
    "encoder": TDNNEncoder,
    "encoder_params": {
        "convnet_layers": [
            {"type": "conv1d", "repeat": 1, "kernel_size": [5], "stride": [2], "num_channels": 8,
             "padding": "SAME", "dilation": [1]},
        ],
        "dropout_keep_prob": 1,
        "initializer": variance_scaling_initializer,
        "initializer_params": {"factor": 1.0, "mode": "FAN_AVG", "uniform": True},
        "activation_fn": clipped,
        "dtype": tf.float32,
    },
    "decoder": FullyConnectedCTCDecoder,
    "data_layer": Speech2TextDataLayer,
    "data_layer_params": {
        "num_audio_features": 40,
        "input_type": "logfbank",
        "vocab_file": "open_seq2seq/test_utils/toy_speech_data/vocab.txt",
        "dataset_files": ["open_seq2seq/test_utils/toy_speech_data/toy_data.csv"],
    },
}
