"""Citrinet-256 on LibriSpeech (Majumdar et al. 2021, arXiv:2104.01721), as NVIDIA NeMo builds it.

Command:
    python run.py --config_file=example_configs/speech2text/citrinet_256.py --mode=train_eval

Symbols are the 256 pieces of a SentencePiece model that is made of the training transcripts:
    spm_train --input=transcripts.txt --model_prefix=data/librispeech/unigram_256
      --vocab_size=256 --model_type=unigram --character_coverage=1.0

Parameters: 9,767,441
Published: around 9.8 million parameters (NVIDIA's Riva 2.3 documentation of its models); the paper's
tables of error rates were not at hand.
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


def block(kernel_size, num_channels, repeat=5, stride=1, residual=True):
    """Separable convolutions, squeeze and excitation, and the block's input."""
    return {
        "type": "sep_conv1d",
        "repeat": repeat,
        "kernel_size": [kernel_size],
        "stride": [stride],
        "stride_last": True,
        "num_channels": num_channels,
        "padding": "SYMMETRIC",
        "dilation": [1],
        "dropout_keep_prob": 0.9 if residual else 1.0,
        "residual": residual,
        "squeeze_excitation": 8,
    }


def layers(num_channels):
    """The 23 blocks: three groups, of which each begins with a stride."""
    groups = [range(11, 22, 2), range(13, 26, 2), [25, *range(27, 40, 2)]]
    strided = [
        block(kernel, num_channels, stride=2 if place == 0 else 1)
        for kernels in groups
        for place, kernel in enumerate(kernels)
    ]
    first = block(5, num_channels, repeat=1, residual=False)
    return [first, *strided, block(41, 640, repeat=1, residual=False)]


base_model = Speech2Text

base_params = {
    "random_seed": 0,
    "logdir": "runs/citrinet_256",
    "use_horovod": True,
    "num_gpus": 8,
    "batch_size_per_gpu": 32,
    "num_epochs": 300,
    "dtype": "mixed",
    "print_loss_steps": 10,
    "print_samples_steps": 2200,
    "save_summaries_steps": 100,
    "save_checkpoint_steps": 1100,
    "eval_steps": 2200,
    "num_checkpoints": 2,
    "optimizer": NovoGrad,
    "optimizer_params": {"beta1": 0.8, "beta2": 0.25, "epsilon": 1e-8, "weight_decay": 0.001},
    "lr_policy": cosine_decay,
    "lr_policy_params": {"learning_rate": 0.05, "min_lr_fraction": 2e-4, "warmup_steps": 1000},
    "encoder": TDNNEncoder,
    "encoder_params": {
        "convnet_layers": layers(256),
        "dropout_keep_prob": 1.0,
        "activation_fn": "relu",
        "pointwise_residual": True,
    },
    "decoder": FullyConnectedCTCDecoder,
    "decoder_params": {},
    "loss": CTCLoss,
    "data_layer": Speech2TextDataLayer,
    "data_layer_params": {
        "backend": "nemo",
        "sample_freq": 16000,
        "input_type": "logfbank",
        "num_audio_features": 80,
        "num_fft": 512,
        "window_size": 0.025,
        "window_stride": 0.01,
        "norm_per_feature": True,
        "dither": 1e-5,
        "pad_to": 16,
        "bpe": True,
        "vocab_file": "data/librispeech/unigram_256.model",
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
            "width_freq_mask": 27,
            "n_time_mask": 5,
            "width_time_mask": 40,
        },
    },
}

eval_params = {
    "data_layer_params": {"dataset_files": ["data/librispeech/librivox-dev-clean.csv"]},
}

infer_params = {
    "data_layer_params": {"dataset_files": ["data/librispeech/librivox-test-clean.csv"]},
}
