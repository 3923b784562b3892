"""Two unidirectional LSTM layers over MFCCs, without convolutions, on clean LibriSpeech.

Command:
    python run.py --config_file=example_configs/speech2text/lstm_small_1gpu.py --mode=train_eval

Parameters: 3,458,077
Published: none.
Run here: built, one training step and a checkpoint's round trip on synthetic audio
(tests/example_configs); not trained.
"""

from open_seq2seq.data import Speech2TextDataLayer
from open_seq2seq.decoders import FullyConnectedCTCDecoder
from open_seq2seq.encoders import DeepSpeech2Encoder
from open_seq2seq.losses import CTCLoss
from open_seq2seq.models import Speech2Text
from open_seq2seq.optimizers.lr_policies import exp_decay

base_model = Speech2Text

base_params = {
    "random_seed": 0,
    "logdir": "runs/lstm_small_1gpu",
    "batch_size_per_gpu": 64,
    "num_epochs": 50,
    "dtype": "auto",
    "print_loss_steps": 50,
    "print_samples_steps": 250,
    "save_summaries_steps": 100,
    "save_checkpoint_steps": 250,
    "eval_steps": 250,
    "optimizer": "Adam",
    "max_grad_norm": 0.25,
    "lr_policy": exp_decay,
    "lr_policy_params": {
        "learning_rate": 0.001,
        "decay_steps": 500,
        "decay_rate": 0.9,
        "use_staircase_decay": True,
        "min_lr": 1e-8,
    },
    "regularizer": "l2_regularizer",
    "regularizer_params": {"scale": 0.0005},
    "initializer": "xavier_initializer",
    "encoder": DeepSpeech2Encoder,
    "encoder_params": {
        "conv_layers": [],
        "num_rnn_layers": 2,
        "rnn_cell_dim": 512,
        "rnn_type": "cudnn_lstm",
        "use_cudnn_rnn": True,
        "rnn_unidirectional": True,
        "row_conv": False,
        "n_hidden": 512,
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
        "input_type": "mfcc",
        "num_audio_features": 13,
        "vocab_file": "open_seq2seq/test_utils/toy_speech_data/vocab.txt",
    },
}

train_params = {
    "data_layer_params": {
        "dataset_files": [
            "data/librispeech/librivox-train-clean-100.csv",
            "data/librispeech/librivox-train-clean-360.csv",
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
