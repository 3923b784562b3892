"""Jasper DR 10x5 on LibriSpeech: 54 layers, dense residuals, NovoGrad.

Command:
    python run.py --config_file=example_configs/speech2text/jasper10x5_LibriSpeech_nvgrad.py --mode=train_eval

On one device, --iter_size=8 keeps the published batch of 256 utterances.

Parameters: 332,632,349
Published: greedy WER of Jasper DR 10x5 3.61 % dev-clean, 11.36 % dev-other, 3.77 % test-clean,
11.08 % test-other (OpenSeq2Seq, docs/sources/source/speech-recognition/jasper.rst). OpenSeq2Seq's
NovoGrad never stored its second moment: `legacy_no_ema: True` in optimizer_params does the same.
Run here: built, one training step and a checkpoint's round trip on synthetic audio
(tests/example_configs); not trained.
"""

from open_seq2seq.data import Speech2TextDataLayer
from open_seq2seq.decoders import FullyConnectedCTCDecoder
from open_seq2seq.encoders import TDNNEncoder
from open_seq2seq.losses import CTCLoss
from open_seq2seq.models import Speech2Text
from open_seq2seq.optimizers import NovoGrad
from open_seq2seq.optimizers.lr_policies import poly_decay


def block(kernel_size, num_channels, keep, **more):
    """Five convolutions, whose result the inputs of all blocks up to this one are added to."""
    layer = {
        "type": "conv1d",
        "repeat": 5,
        "kernel_size": [kernel_size],
        "stride": [1],
        "num_channels": num_channels,
        "padding": "SAME",
        "dilation": [1],
        "dropout_keep_prob": keep,
        "residual": True,
        "residual_dense": True,
    }
    return {**layer, **more}


def single(kernel_size, num_channels, keep, **more):
    """One convolution without residual."""
    alone = {"repeat": 1, "residual": False, "residual_dense": False}
    return block(kernel_size, num_channels, keep, **alone, **more)


base_model = Speech2Text

base_params = {
    "random_seed": 0,
    "logdir": "runs/jasper10x5_LibriSpeech_nvgrad",
    "use_horovod": True,
    "num_gpus": 8,
    "batch_size_per_gpu": 32,
    "num_epochs": 400,
    "dtype": "mixed",
    "print_loss_steps": 10,
    "print_samples_steps": 2200,
    "save_summaries_steps": 100,
    "save_checkpoint_steps": 1100,
    "eval_steps": 2200,
    "num_checkpoints": 2,
    "optimizer": NovoGrad,
    "optimizer_params": {"beta1": 0.95, "beta2": 0.98, "epsilon": 1e-8, "weight_decay": 0.001},
    "lr_policy": poly_decay,
    "lr_policy_params": {"learning_rate": 0.02, "min_lr": 1e-5, "power": 2.0},
    "larc_params": {"larc_eta": 0.001},
    "encoder": TDNNEncoder,
    "encoder_params": {
        "convnet_layers": [
            single(11, 256, 0.8, stride=[2]),
            block(11, 256, 0.8),
            block(11, 256, 0.8),
            block(13, 384, 0.8),
            block(13, 384, 0.8),
            block(17, 512, 0.8),
            block(17, 512, 0.8),
            block(21, 640, 0.7),
            block(21, 640, 0.7),
            block(25, 768, 0.7),
            block(25, 768, 0.7),
            single(29, 896, 0.6, dilation=[2]),
            single(1, 1024, 0.6),
        ],
        "dropout_keep_prob": 0.7,
        "activation_fn": "relu",
        "initializer": "xavier_initializer",
        "initializer_params": {"uniform": False},
    },
    "decoder": FullyConnectedCTCDecoder,
    "decoder_params": {"initializer": "xavier_initializer"},
    "loss": CTCLoss,
    "data_layer": Speech2TextDataLayer,
    "data_layer_params": {
        "backend": "librosa",
        "sample_freq": 16000,
        "input_type": "logfbank",
        "num_audio_features": 64,
        "norm_per_feature": True,
        "window": "hanning",
        "dither": 1e-5,
        "pad_to": 16,
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
        "augmentation": {"speed_perturbation_ratio": [0.9, 1.0, 1.1]},
    },
}

eval_params = {
    "data_layer_params": {"dataset_files": ["data/librispeech/librivox-dev-clean.csv"]},
}

infer_params = {
    "data_layer_params": {"dataset_files": ["data/librispeech/librivox-test-clean.csv"]},
}
