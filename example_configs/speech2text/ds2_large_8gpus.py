"""Deep Speech 2 with five bidirectional GRU layers on LibriSpeech.

Command:
    python run.py --config_file=example_configs/speech2text/ds2_large_8gpus.py --mode=train_eval

On one device, --iter_size=8 keeps the published batch of 128 utterances.

Parameters: 58,971,133
Published: WER 9.28 % after these 50 epochs (OpenSeq2Seq's docs at tag v0.5).
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
    "logdir": "runs/ds2_large_8gpus",
    "num_gpus": 8,
    "batch_size_per_gpu": 16,
    "num_epochs": 50,
    "dtype": "float32",
    "print_loss_steps": 10,
    "print_samples_steps": 5000,
    "save_summaries_steps": 100,
    "save_checkpoint_steps": 1000,
    "eval_steps": 5000,
    "optimizer": "Momentum",
    "optimizer_params": {"momentum": 0.9},
    "lr_policy": poly_decay,
    "lr_policy_params": {"learning_rate": 0.001, "power": 0.5},
    "larc_params": {"larc_eta": 0.001},
    "regularizer": "l2_regularizer",
    "regularizer_params": {"scale": 0.0005},
    "initializer": "xavier_initializer",
    "encoder": DeepSpeech2Encoder,
    "encoder_params": {
        "conv_layers": [
            {"kernel_size": [11, 41], "stride": [2, 2], "num_channels": 32, "padding": "SAME"},
            {"kernel_size": [11, 21], "stride": [1, 2], "num_channels": 32, "padding": "SAME"},
        ],
        "num_rnn_layers": 5,
        "rnn_cell_dim": 800,
        "rnn_type": "cudnn_gru",
        "use_cudnn_rnn": True,
        "rnn_unidirectional": False,
        "row_conv": False,
        "n_hidden": 1600,
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
        "max_duration": 16.7,
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
