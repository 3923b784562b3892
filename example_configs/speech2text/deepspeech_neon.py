"""Deep Speech 2 as Nervana's neon had it: nine recurrent layers over 13 log mel features.

One convolution over time (1152 filters of 11 frames, every 3rd frame), nine bidirectional layers
of 1152 simple units with clipped ReLU and batch normalization, each direction a stack of its own,
and two affine layers. Source: github.com/NervanaSystems/deepspeech, speech/. There the
convolution's ReLU is not clipped; here all are.

Command:
    python run.py --config_file=example_configs/speech2text/deepspeech_neon.py --mode=train_eval

Parameters: 50,693,789
Published: CER 14 % without a language model after 16 epochs (that repository's README).
Run here: built, one training step and a checkpoint's round trip on synthetic audio
(tests/example_configs); not trained.
"""

from keras import ops

from open_seq2seq.data import Speech2TextDataLayer
from open_seq2seq.decoders import FullyConnectedCTCDecoder
from open_seq2seq.encoders import DeepSpeech2Encoder
from open_seq2seq.losses import CTCLoss
from open_seq2seq.models import Speech2Text
from open_seq2seq.optimizers.lr_policies import fixed_lr

base_model = Speech2Text

base_params = {
    "random_seed": 0,
    "logdir": "runs/deepspeech_neon",
    "batch_size_per_gpu": 32,
    "num_epochs": 16,
    "dtype": "float32",
    "print_loss_steps": 10,
    "print_samples_steps": 5000,
    "save_summaries_steps": 100,
    "save_checkpoint_steps": 1000,
    "eval_steps": 5000,
    "optimizer": "Momentum",
    "optimizer_params": {"momentum": 0.99, "use_nesterov": True},
    "max_grad_norm": 400.0,
    "lr_policy": fixed_lr,
    "lr_policy_params": {"learning_rate": 2e-5},
    "encoder": DeepSpeech2Encoder,
    "encoder_params": {
        # A kernel as high as the image: one output frequency, so a convolution over time only.
        "conv_layers": [
            {"kernel_size": [11, 13], "stride": [3, 13], "num_channels": 1152, "padding": "SAME"},
        ],
        "num_rnn_layers": 9,
        "rnn_cell_dim": 1152,
        "rnn_type": "relu_rnn",
        "rnn_arrangement": "stacks",
        "rnn_batch_norm": True,
        "use_cudnn_rnn": False,
        "rnn_unidirectional": False,
        "row_conv": False,
        "n_hidden": 1152,
        "dropout_keep_prob": 1.0,
        "activation_fn": lambda x: ops.minimum(ops.relu(x), 20.0),
    },
    "decoder": FullyConnectedCTCDecoder,
    "decoder_params": {},
    "loss": CTCLoss,
    "data_layer": Speech2TextDataLayer,
    "data_layer_params": {
        "backend": "psf",
        "sample_freq": 16000,
        "input_type": "logfbank",
        "num_audio_features": 13,
        "window_size": 0.025,
        # neon's manifests have LibriSpeech's transcripts, in capitals.
        "text_normalization": "librispeech",
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
        "max_duration": 30.0,
    },
}

eval_params = {
    "data_layer_params": {"dataset_files": ["data/librispeech/librivox-dev-clean.csv"]},
}

infer_params = {
    "data_layer_params": {"dataset_files": ["data/librispeech/librivox-test-clean.csv"]},
}
