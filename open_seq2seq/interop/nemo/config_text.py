"""The config module that an import writes."""

from __future__ import annotations

import pprint
from collections.abc import Mapping, Sequence
from typing import Any

# Recordings up to so many seconds stay whole, as NeMo takes them.
LONGEST_WHOLE = 60.0
FILTERS_FILE = "front_end.npz"

_TEXT = '''"""{title}

Command:
    python run.py --config_file={path} --mode=infer --infer_files recording.flac

{facts}

To train on, name your manifests below, and start from these weights with another log directory:
    python run.py --config_file={path} --mode=train_eval --load_model={logdir} --logdir=runs/own
"""

import os

from open_seq2seq.data import Speech2TextDataLayer
from open_seq2seq.decoders import FullyConnectedCTCDecoder
from open_seq2seq.encoders import {encoder}
from open_seq2seq.losses import CTCLoss
from open_seq2seq.models import Speech2Text
from open_seq2seq.optimizers import NovoGrad
from open_seq2seq.optimizers.lr_policies import cosine_decay

# What belongs to the model lies beside this file.
HERE = os.path.dirname(os.path.abspath(__file__))

encoder_params = {encoder_params}

base_model = Speech2Text

base_params = {{
    "random_seed": 0,
    "logdir": HERE,
    "batch_size_per_gpu": 16,
    "num_epochs": 20,
    "dtype": "float32",
    "print_loss_steps": 10,
    "save_summaries_steps": 100,
    "save_checkpoint_steps": 500,
    "eval_steps": 500,
    "num_checkpoints": 2,
    "optimizer": NovoGrad,
    "optimizer_params": {{"beta1": 0.8, "beta2": 0.5, "weight_decay": 0.001}},
    "lr_policy": cosine_decay,
    "lr_policy_params": {{"learning_rate": 0.002, "warmup_steps": 200, "min_lr_fraction": 0.01}},
    "encoder": {encoder},
    "encoder_params": encoder_params,
    "decoder": FullyConnectedCTCDecoder,
    "decoder_params": {decoder_params},
    "loss": CTCLoss,
    # NeMo takes recordings whole, however long.
    "segmentation": {{"max_duration": {longest}}},
    "data_layer": Speech2TextDataLayer,
    "data_layer_params": {{
{data_layer_params}
        "filters_file": os.path.join(HERE, {filters_file!r}),
        "vocab_file": os.path.join(HERE, {vocab_file!r}),
        "bpe": {bpe},
    }},
}}

train_params = {{
    "data_layer_params": {{
        "dataset_files": ["train.csv"],
        "max_duration": 16.7,
        "augmentation": {{
            "n_freq_mask": 2,
            "width_freq_mask": 6,
            "n_time_mask": 2,
            "width_time_mask": 6,
        }},
    }},
}}

eval_params = {{"data_layer_params": {{"dataset_files": ["dev.csv"]}}}}

infer_params = {{"data_layer_params": {{"dataset_files": ["test.csv"]}}}}
'''


def config_text(
    title: str,
    facts: Sequence[str],
    folder: str,
    encoder: str,
    encoder_params: Mapping[str, Any],
    data_layer_params: Mapping[str, Any],
    vocab_file: str,
    bpe: bool,
    decoder_params: Mapping[str, Any],
) -> str:
    """A config module: readable, and to train from.

    Args:
      title: its first line.
      facts: what is known of the model, a line each.
      folder: the log directory.
      encoder: the name of its class.
      encoder_params, data_layer_params, decoder_params: without files.
      vocab_file: the name of the file beside it.
      bpe: whether that is a SentencePiece model.
    """
    lines = [f"        {name!r}: {value!r}," for name, value in data_layer_params.items()]
    return _TEXT.format(
        title=_plain(title),
        facts="\n".join(map(_plain, facts)),
        path=_plain(f"{folder}/config.py"),
        logdir=_plain(folder),
        encoder=encoder,
        encoder_params=pprint.pformat(dict(encoder_params), width=96, sort_dicts=False),
        decoder_params=pprint.pformat(dict(decoder_params), width=90, sort_dicts=False),
        longest=LONGEST_WHOLE,
        data_layer_params="\n".join(lines).replace("'", '"'),
        filters_file=FILTERS_FILE,
        vocab_file=vocab_file,
        bpe=bpe,
    )


def _plain(text: str) -> str:
    """What may stand in a docstring."""
    printable = "".join(one if one.isprintable() else "?" for one in text)
    return printable.replace("\\", "/").replace('"""', "'''").rstrip('"')
