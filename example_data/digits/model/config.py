"""The packaged model of spoken digits, for evaluation and inference.

Made by scripts/make_try_model.py; README.md says how it was trained.

Command:
    python run.py --config_file=example_data/digits/model/config.py --mode=infer --infer_files my.wav
"""

from pathlib import Path

from open_seq2seq.models import Speech2Text

here = Path(__file__).resolve().parent

base_model = Speech2Text

base_params = {
    "logdir": str(here),
    "batch_size_per_gpu": 32,
    "max_steps": 1,
    "dtype": "float32",
    "optimizer": "AdamW",
    "lr_policy": "fixed_lr",
    "lr_policy_params": {"learning_rate": 0.0003},
    "encoder": "TDNNEncoder",
    "encoder_params": {
        "dropout_keep_prob": 0.9,
        "convnet_layers": [
            {
                "type": "conv1d",
                "repeat": 1,
                "kernel_size": [11],
                "stride": [2],
                "num_channels": 128,
                "padding": "SAME",
                "dilation": [1],
                "dropout_keep_prob": 0.9,
                "residual": False,
                "residual_dense": False,
            },
            {
                "type": "conv1d",
                "repeat": 2,
                "kernel_size": [9],
                "stride": [1],
                "num_channels": 128,
                "padding": "SAME",
                "dilation": [1],
                "dropout_keep_prob": 0.9,
                "residual": True,
                "residual_dense": False,
            },
            {
                "type": "conv1d",
                "repeat": 2,
                "kernel_size": [9],
                "stride": [1],
                "num_channels": 192,
                "padding": "SAME",
                "dilation": [1],
                "dropout_keep_prob": 0.9,
                "residual": True,
                "residual_dense": False,
            },
            {
                "type": "conv1d",
                "repeat": 2,
                "kernel_size": [9],
                "stride": [1],
                "num_channels": 192,
                "padding": "SAME",
                "dilation": [1],
                "dropout_keep_prob": 0.9,
                "residual": True,
                "residual_dense": False,
            },
            {
                "type": "conv1d",
                "repeat": 1,
                "kernel_size": [1],
                "stride": [1],
                "num_channels": 256,
                "padding": "SAME",
                "dilation": [1],
                "dropout_keep_prob": 0.9,
                "residual": False,
                "residual_dense": False,
            },
        ],
        "activation_fn": "relu",
        "data_format": "channels_last",
        "normalization": "batch_norm",
        "bn_momentum": 0.9,
        "bn_epsilon": 0.001,
        "use_conv_mask": True,
        "drop_block_prob": 0.0,
        "drop_block_index": -1,
        "regularizer_params": {},
        "initializer_params": {},
    },
    "decoder": "FullyConnectedCTCDecoder",
    "decoder_params": {},
    "loss": "CTCLoss",
    "data_layer": "Speech2TextDataLayer",
    "data_layer_params": {
        "backend": "librosa",
        "sample_freq": 8000,
        "input_type": "logfbank",
        "num_audio_features": 40,
        "num_fft": 256,
        "window_size": 0.02,
        "window_stride": 0.01,
        "window": "hanning",
        "norm_per_feature": True,
        "norm_range": 35.0,
        "noise_floor": -50.0,
        "dither": 1e-05,
        "precompute_mel_basis": False,
        "legacy_mfcc": False,
        "pad_to": 16,
        "vocab_file": str(here / "vocab.txt"),
        "dataset_files": [str(here.parent / "test.csv")],
    },
}
