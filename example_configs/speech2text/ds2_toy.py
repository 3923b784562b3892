"""A small Deep Speech 2 on the ten recordings that come with the package: to try things out.

Command:
    python run.py --config_file=example_configs/speech2text/ds2_toy.py --mode=train_eval

Parameters: 5,391,357
Published: none.
Run here: one training step and a checkpoint's round trip on synthetic audio
(tests/example_configs); the first 32 steps of this command brought the loss from 572 to 188. Its
2-D convolutions are large for a CPU: a step takes seconds on two cores.
"""

from keras import ops

from open_seq2seq.data import Speech2TextDataLayer
from open_seq2seq.decoders import FullyConnectedCTCDecoder
from open_seq2seq.encoders import DeepSpeech2Encoder
from open_seq2seq.losses import CTCLoss
from open_seq2seq.models import Speech2Text
from open_seq2seq.optimizers.lr_policies import poly_decay

base_model = Speech2Text

base_params = {
    "random_seed": 0,
    "logdir": "runs/ds2_toy",
    "num_gpus": 1,
    "batch_size_per_gpu": 8,
    "max_steps": 1000,
    "dtype": "float32",
    "print_loss_steps": 100,
    "print_samples_steps": 100,
    "save_summaries_steps": 100,
    "save_checkpoint_steps": 500,
    "eval_steps": 500,
    "optimizer": "Momentum",
    "optimizer_params": {"momentum": 0.9},
    "lr_policy": poly_decay,
    "lr_policy_params": {"learning_rate": 0.001, "power": 2},
    "larc_params": {"larc_eta": 0.001},
    "encoder": DeepSpeech2Encoder,
    "encoder_params": {
        "conv_layers": [
            {"kernel_size": [11, 41], "stride": [2, 2], "num_channels": 32, "padding": "SAME"},
            {"kernel_size": [11, 21], "stride": [1, 2], "num_channels": 64, "padding": "SAME"},
            {"kernel_size": [11, 21], "stride": [1, 2], "num_channels": 96, "padding": "SAME"},
        ],
        "num_rnn_layers": 1,
        "rnn_cell_dim": 256,
        "rnn_type": "cudnn_gru",
        "use_cudnn_rnn": True,
        "rnn_unidirectional": False,
        "row_conv": False,
        "n_hidden": 256,
        "dropout_keep_prob": 1.0,
        "activation_fn": lambda x: ops.minimum(ops.relu(x), 20.0),
        "initializer": "xavier_initializer",
        "initializer_params": {"uniform": False},
    },
    "decoder": FullyConnectedCTCDecoder,
    "decoder_params": {"initializer": "xavier_initializer"},
    "loss": CTCLoss,
    "data_layer": Speech2TextDataLayer,
    "data_layer_params": {
        "backend": "psf",
        "sample_freq": 16000,
        "input_type": "spectrogram",
        "num_audio_features": 160,
        "vocab_file": "open_seq2seq/test_utils/toy_speech_data/vocab.txt",
    },
}

train_params = {
    "data_layer_params": {
        "dataset_files": [
            "open_seq2seq/test_utils/toy_speech_data/toy_data.csv",
        ],
    },
}

eval_params = {
    "data_layer_params": {
        "dataset_files": ["open_seq2seq/test_utils/toy_speech_data/toy_data.csv"]
    },
}

infer_params = {
    "data_layer_params": {
        "dataset_files": ["open_seq2seq/test_utils/toy_speech_data/toy_data.csv"]
    },
}
