"""A small CRNN on 100 clean hours of LibriSpeech: a first model of one's own.

Seven residual blocks of convolutions, five bidirectional GRU layers, layer normalization and
GELU, trained with AdamW, as public tutorials on speech recognition have it.

Command:
    python run.py --config_file=example_configs/speech2text/crnn.py --mode=train_eval

Parameters: 23,386,493
Published: none.
Run here: built, one training step and a checkpoint's round trip on synthetic audio
(tests/example_configs); not trained.
"""

from open_seq2seq.data import Speech2TextDataLayer
from open_seq2seq.decoders import FullyConnectedCTCDecoder
from open_seq2seq.encoders import CRNNEncoder
from open_seq2seq.losses import CTCLoss
from open_seq2seq.models import Speech2Text
from open_seq2seq.optimizers.lr_policies import cosine_decay

base_model = Speech2Text

base_params = {
    "random_seed": 0,
    "logdir": "runs/crnn",
    "batch_size_per_gpu": 16,
    "num_epochs": 20,
    "dtype": "auto",
    "print_loss_steps": 100,
    "print_samples_steps": 1000,
    "save_summaries_steps": 100,
    "save_checkpoint_steps": 1000,
    "eval_steps": 2000,
    "optimizer": "AdamW",
    "optimizer_params": {"weight_decay": 0.01},
    "max_grad_norm": 1.0,
    "lr_policy": cosine_decay,
    "lr_policy_params": {"learning_rate": 0.0005, "warmup_steps": 2000},
    "encoder": CRNNEncoder,
    "encoder_params": {
        "conv_channels": 32,
        "conv_stride": [2, 2],
        "num_conv_blocks": 7,
        "num_rnn_layers": 5,
        "rnn_cell_dim": 512,
        "n_hidden": 512,
        "dropout_keep_prob": 0.9,
    },
    "decoder": FullyConnectedCTCDecoder,
    "decoder_params": {},
    "loss": CTCLoss,
    "data_layer": Speech2TextDataLayer,
    "data_layer_params": {
        "backend": "librosa",
        "sample_freq": 16000,
        "input_type": "logfbank",
        "num_audio_features": 80,
        "norm_per_feature": True,
        "dither": 1e-5,
        "pad_to": 16,
        "vocab_file": "open_seq2seq/test_utils/toy_speech_data/vocab.txt",
    },
}

train_params = {
    "data_layer_params": {
        "dataset_files": ["data/librispeech/librivox-train-clean-100.csv"],
        "max_duration": 16.7,
        "augmentation": {
            "n_freq_mask": 2,
            "width_freq_mask": 15,
            "n_time_mask": 2,
            "width_time_mask": 35,
        },
    },
}

eval_params = {
    "data_layer_params": {"dataset_files": ["data/librispeech/librivox-dev-clean.csv"]},
}

infer_params = {
    "data_layer_params": {"dataset_files": ["data/librispeech/librivox-test-clean.csv"]},
}
