"""A unidirectional Deep Speech 2 with row convolution on LibriSpeech.

Command:
    python run.py --config_file=example_configs/speech2text/ds2_medium_4gpus.py --mode=train_eval

On one device, --iter_size=4 keeps the published batch of 128 utterances.

Parameters: 25,721,341
Published: WER 22.60 % (OpenSeq2Seq's docs at tag v0.5).
Run here: built, one training step and a checkpoint's round trip on synthetic audio
(tests/example_configs); not trained.
"""

from open_seq2seq.data import Speech2TextDataLayer
from open_seq2seq.decoders import FullyConnectedCTCDecoder
from open_seq2seq.encoders import DeepSpeech2Encoder
from open_seq2seq.losses import CTCLoss
from open_seq2seq.models import Speech2Text
from open_seq2seq.optimizers.lr_policies import poly_decay

base_model = Speech2Text

base_params = {
    "random_seed": 0,
    "logdir": "runs/ds2_medium_4gpus",
    "num_gpus": 4,
    "batch_size_per_gpu": 32,
    "num_epochs": 50,
    "dtype": "float32",
    "print_loss_steps": 10,
    "print_samples_steps": 10000,
    "save_summaries_steps": 1000,
    "save_checkpoint_steps": 1000,
    "eval_steps": 10000,
    "optimizer": "Adam",
    "lr_policy": poly_decay,
    "lr_policy_params": {"learning_rate": 0.0002, "power": 0.5},
    "regularizer": "l2_regularizer",
    "regularizer_params": {"scale": 0.0005},
    "initializer": "xavier_initializer",
    "encoder": DeepSpeech2Encoder,
    "encoder_params": {
        "conv_layers": [
            {"kernel_size": [11, 41], "stride": [2, 2], "num_channels": 32, "padding": "SAME"},
            {"kernel_size": [11, 21], "stride": [1, 2], "num_channels": 64, "padding": "SAME"},
            {"kernel_size": [11, 21], "stride": [1, 2], "num_channels": 96, "padding": "SAME"},
        ],
        "num_rnn_layers": 3,
        "rnn_cell_dim": 1024,
        "rnn_type": "cudnn_gru",
        "use_cudnn_rnn": True,
        "rnn_unidirectional": True,
        "row_conv": True,
        "row_conv_width": 8,
        "n_hidden": 2048,
        "dropout_keep_prob": 0.5,
        "activation_fn": "relu",
    },
    "decoder": FullyConnectedCTCDecoder,
    "decoder_params": {},
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
            "data/librispeech/librivox-train-clean-100.csv",
            "data/librispeech/librivox-train-clean-360.csv",
            "data/librispeech/librivox-train-other-500.csv",
        ],
        "augmentation": {
            "speed_perturbation_ratio": 0.05,
            "noise_level_min": -90,
            "noise_level_max": -60,
        },
    },
}

eval_params = {
    "data_layer_params": {"dataset_files": ["data/librispeech/librivox-dev-clean.csv"]},
}

infer_params = {
    "data_layer_params": {"dataset_files": ["data/librispeech/librivox-test-clean.csv"]},
}
