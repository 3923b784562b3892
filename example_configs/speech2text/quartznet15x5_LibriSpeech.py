"""QuartzNet 15x5 on LibriSpeech, with OpenSeq2Seq's layers.

Command:
    python run.py --config_file=example_configs/speech2text/quartznet15x5_LibriSpeech.py --mode=train_eval

On one device, --iter_size=8 keeps the published batch of 256 utterances.

Parameters: 19,193,949
Published: WER 11.58 % dev-other (github.com/NVIDIA/NeMo, issue 217); 3.90 % test-clean, 11.28 %
test-other (summaries of arXiv:1910.10261, whose tables were not at hand to compare), with 18.9
million parameters; the paper used speed perturbation and Cutout as well. OpenSeq2Seq's layers, and
so these, have a residual around the 87-tap convolution too. Its docs give no result.
Run here: built, one training step and a checkpoint's round trip on synthetic audio
(tests/example_configs); not trained.
"""

from open_seq2seq.data import Speech2TextDataLayer
from open_seq2seq.decoders import FullyConnectedCTCDecoder
from open_seq2seq.encoders import TDNNEncoder
from open_seq2seq.losses import CTCLoss
from open_seq2seq.models import Speech2Text
from open_seq2seq.optimizers import NovoGrad
from open_seq2seq.optimizers.lr_policies import cosine_decay


def block(kernel_size, num_channels, repeat=5, residual=True, **more):
    """Separable convolutions, whose result the block's input is added to."""
    layer = {
        "type": "sep_conv1d",
        "repeat": repeat,
        "kernel_size": [kernel_size],
        "stride": [1],
        "num_channels": num_channels,
        "padding": "SAME",
        "dilation": [1],
        "residual": residual,
    }
    return {**layer, **more}


def layers(repeats, last_residual):
    """The paper's table 1: five kinds of blocks, each `repeats` times.

    `last_residual`: whether the 87-tap convolution has a residual, as in OpenSeq2Seq.
    """
    kinds = [(33, 256), (39, 256), (51, 512), (63, 512), (75, 512)]
    return [
        block(33, 256, repeat=1, residual=False, stride=[2]),
        *(block(*kind) for kind in kinds for _ in range(repeats)),
        block(87, 512, repeat=1, residual=last_residual, dilation=[2]),
        block(1, 1024, repeat=1, residual=False, type="conv1d"),
    ]


base_model = Speech2Text

base_params = {
    "random_seed": 0,
    "logdir": "runs/quartznet15x5_LibriSpeech",
    "use_horovod": True,
    "num_gpus": 8,
    "batch_size_per_gpu": 32,
    "num_epochs": 400,
    "dtype": "float32",
    "print_loss_steps": 10,
    "print_samples_steps": 2200,
    "save_summaries_steps": 100,
    "save_checkpoint_steps": 1100,
    "eval_steps": 2200,
    "num_checkpoints": 2,
    "optimizer": NovoGrad,
    "optimizer_params": {"beta1": 0.95, "beta2": 0.5, "epsilon": 1e-8, "weight_decay": 0.001},
    "lr_policy": cosine_decay,
    "lr_policy_params": {"learning_rate": 0.01, "min_lr_fraction": 0.0, "warmup_steps": 1000},
    "encoder": TDNNEncoder,
    "encoder_params": {
        "convnet_layers": layers(repeats=3, last_residual=True),
        "dropout_keep_prob": 1.0,
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
        "augmentation": {
            "n_freq_mask": 2,
            "width_freq_mask": 6,
            "n_time_mask": 2,
            "width_time_mask": 6,
        },
    },
}

eval_params = {
    "data_layer_params": {"dataset_files": ["data/librispeech/librivox-dev-clean.csv"]},
}

infer_params = {
    "data_layer_params": {"dataset_files": ["data/librispeech/librivox-test-clean.csv"]},
}
