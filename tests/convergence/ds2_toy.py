"""OpenSeq2Seq's Deep Speech 2 test configuration, in its own words (TensorFlow 1 names and all).

2,219,709 parameters, 150 epochs of one batch. Only the frequencies of printing are other.
"""

import tensorflow as tf

from open_seq2seq.data.speech2text.speech2text import Speech2TextDataLayer
from open_seq2seq.decoders import FullyConnectedCTCDecoder
from open_seq2seq.encoders import DeepSpeech2Encoder
from open_seq2seq.losses import CTCLoss
from open_seq2seq.models import Speech2Text
from open_seq2seq.optimizers.lr_policies import poly_decay

base_model = Speech2Text

base_params = {
    "random_seed": 0,
    "use_horovod": False,
    "num_gpus": 1,
    "num_epochs": 150,
    "batch_size_per_gpu": 10,
    "logdir": "runs/ds2_toy",
    "save_summaries_steps": None,
    "print_loss_steps": 10,
    "print_samples_steps": None,
    "save_checkpoint_steps": None,
    "eval_steps": 50,
    "optimizer": "Momentum",
    "optimizer_params": {"momentum": 0.90},
    "lr_policy": poly_decay,
    "lr_policy_params": {"learning_rate": 0.01, "power": 2},
    "larc_params": {"larc_eta": 0.001},
    "dtype": tf.float32,
    "summaries": ["learning_rate", "larc_summaries", "variables", "gradients", "loss_scale"],
    "encoder": DeepSpeech2Encoder,
    "encoder_params": {
        "conv_layers": [
            {"kernel_size": [5, 11], "stride": [2, 2], "num_channels": 32, "padding": "SAME"},
            {"kernel_size": [5, 11], "stride": [1, 2], "num_channels": 64, "padding": "SAME"},
        ],
        "data_format": "channels_first",
        "n_hidden": 128,
        "rnn_cell_dim": 128,
        "rnn_type": "gru",
        "num_rnn_layers": 1,
        "rnn_unidirectional": False,
        "row_conv": True,
        "row_conv_width": 8,
        "use_cudnn_rnn": True,
        "dropout_keep_prob": 0.9,
        "initializer": tf.contrib.layers.xavier_initializer,
        "initializer_params": {"uniform": False},
        "activation_fn": lambda x: tf.minimum(tf.nn.relu(x), 20.0),
        "bn_momentum": 0.001,
    },
    "decoder": FullyConnectedCTCDecoder,
    "decoder_params": {
        "initializer": tf.contrib.layers.xavier_initializer,
        "use_language_model": False,
    },
    "loss": CTCLoss,
    "loss_params": {},
    "data_layer": Speech2TextDataLayer,
    "data_layer_params": {
        "num_audio_features": 160,
        "input_type": "spectrogram",
        "vocab_file": "open_seq2seq/test_utils/toy_speech_data/vocab.txt",
        "dataset_files": ["open_seq2seq/test_utils/toy_speech_data/toy_data.csv"],
    },
}

train_params = {"data_layer_params": {"shuffle": True}}

eval_params = {"data_layer_params": {"shuffle": False}}

infer_params = {"data_layer_params": {"shuffle": False}}
