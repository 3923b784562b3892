"""A small corpus, a small config, and the command line in this process."""

import shutil
import textwrap

import numpy as np
import pytest
import soundfile

from open_seq2seq.cli import main

# Three words as sequences of tones: easy to learn, and made from a formula.
TONES = {"a": 500, "b": 1100, "c": 2300}
TEXTS = ["ab", "ba", "ca b", "cab", "a c", "bac"]
RATE = 8000


def speech_like(text, seed):
    """Each letter is 0.12 s of its tone, a space is silence; a little noise on top."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(0.12 * RATE)) / RATE
    parts = [np.sin(2 * np.pi * TONES[c] * time) if c != " " else 0 * time for c in text]
    samples = np.concatenate([*parts, np.zeros(400)])
    return (0.3 * samples + 0.003 * rng.standard_normal(len(samples))).astype(np.float32)


CONFIG = """
    from open_seq2seq.data import Speech2TextDataLayer
    from open_seq2seq.decoders import FullyConnectedCTCDecoder
    from open_seq2seq.encoders import TDNNEncoder
    from open_seq2seq.losses import CTCLoss
    from open_seq2seq.models import Speech2Text
    from open_seq2seq.optimizers.lr_policies import poly_decay

    def layer(**more):
        return {{"type": "conv1d", "repeat": 1, "kernel_size": [5], "stride": [1],
                "num_channels": 16, "padding": "SAME", "dilation": [1], **more}}

    base_model = Speech2Text
    base_params = {{
        "random_seed": 3,
        "logdir": "{folder}/run",
        "batch_size_per_gpu": 4,
        "max_steps": 10,
        "save_checkpoint_steps": 4,
        "save_summaries_steps": 5,
        "print_loss_steps": 5,
        "print_samples_steps": 5,
        "eval_steps": 5,
        "num_checkpoints": 2,
        "optimizer": "Momentum",
        "optimizer_params": {{"momentum": 0.9}},
        "lr_policy": poly_decay,
        "lr_policy_params": {{"learning_rate": 0.02, "power": 1}},
        "max_grad_norm": 5,
        "encoder": TDNNEncoder,
        "encoder_params": {{
            "convnet_layers": [layer(stride=[2]), layer(residual=True, repeat=2)],
            "dropout_keep_prob": 0.8,
            "activation_fn": "relu",
        }},
        "decoder": FullyConnectedCTCDecoder,
        "decoder_params": {{}},
        "loss": CTCLoss,
        "data_layer": Speech2TextDataLayer,
        "data_layer_params": {{
            "backend": "librosa",
            "sample_freq": 8000,
            "input_type": "logfbank",
            "num_audio_features": 20,
            "num_fft": 256,
            "pad_to": 8,
            "vocab_file": "{folder}/vocab.txt",
            "dataset_files": ["{folder}/data.csv"],
        }},
    }}
    train_params = {{"data_layer_params": {{"augmentation": {{
        "speed_perturbation_ratio": [0.95, 1.0, 1.05], "n_time_mask": 1, "width_time_mask": 3}}}}}}
"""


def write_corpus(folder, rows=18, config=CONFIG):
    """Writes recordings, data.csv, vocab.txt and config.py; returns the folder."""
    lines = ["wav_filename,wav_filesize,transcript"]
    for index in range(rows):
        text = TEXTS[index % len(TEXTS)]
        soundfile.write(folder / f"{index}.wav", speech_like(text, index), RATE)
        lines.append(f"{index}.wav,0,{text}")
    (folder / "data.csv").write_text("\n".join(lines) + "\n")
    (folder / "vocab.txt").write_text(" \na\nb\nc\n")
    (folder / "config.py").write_text(textwrap.dedent(config).format(folder=folder))
    return folder


@pytest.fixture(scope="session")
def learned(tmp_path_factory):
    """The log directory of a model that has begun to learn the corpus; not to be written to."""
    folder = write_corpus(tmp_path_factory.mktemp("learned"))
    arguments = ["--max_steps=60", "--save_checkpoint_steps=60", f"--logdir={folder}/run"]
    rate = "--lr_policy_params/learning_rate=0.03"
    assert main([f"--config_file={folder}/config.py", "--mode=train", *arguments, rate]) == 0
    return folder / "run"


def write_learned(folder, learned):
    """The corpus with that model in its log directory; returns the folder."""
    shutil.copytree(learned, write_corpus(folder) / "run")
    return folder


@pytest.fixture
def corpus(tmp_path):
    """A folder with recordings, data.csv, vocab.txt and config.py."""
    return write_corpus(tmp_path)


@pytest.fixture
def run(corpus, capfd):
    """Calls run.py with the corpus's config; returns exit code, stdout and stderr."""

    def call(*arguments):
        code = main([f"--config_file={corpus / 'config.py'}", *arguments])
        captured = capfd.readouterr()
        return code, captured.out, captured.err

    return call
