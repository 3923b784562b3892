"""A recogniser's parts from an experiment: a config with the weights of a checkpoint."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from open_seq2seq.config.loading import load_config
from open_seq2seq.config.overrides import split_arguments
from open_seq2seq.config.schema import Params
from open_seq2seq.data.paths import config_path
from open_seq2seq.decoders import Decoder, make_decoder
from open_seq2seq.decoders.beam_search import PATHS
from open_seq2seq.experiment import Experiment, effective_params, make_experiment
from open_seq2seq.inference.batched_network import BatchedNetwork
from open_seq2seq.inference.forward import EvaluationStep
from open_seq2seq.inference.parts import RecognizerParts
from open_seq2seq.inference.trained_stream import TrainedStream
from open_seq2seq.inference.weights import load_trained_weights
from open_seq2seq.vocabulary import SymbolTexts

_log = logging.getLogger(__name__)


def load_trained(
    config_file: str | Path,
    overrides: Sequence[str] = (),
    checkpoint: str | Path | None = None,
    enable_logs: bool = False,
) -> Experiment:
    """A config's model with the weights of a checkpoint; see `Recognizer.load`.

    Raises:
      InputError: the config, the overrides or the checkpoint cannot be used.
    """
    config = load_config(config_file)
    params = effective_params(config, split_arguments(overrides), "interactive_infer")
    experiment = make_experiment(params, config.base_model, "infer", utterances=[])
    load_trained_weights(experiment, checkpoint, enable_logs)
    return experiment


def parts_of_experiment(experiment: Experiment) -> RecognizerParts:
    """See `Recognizer.of`.

    Raises:
      InputError: beam search is asked for, and something it needs is missing or unfit.
    """
    params, data, model = experiment.params, experiment.speech_data, experiment.model
    batch_size = params["eval_batch_size_per_gpu"] or params["batch_size_per_gpu"]
    return {
        "front_end": data.extractor,
        "network": BatchedNetwork(EvaluationStep(model), batch_size, data.most_batch_frames),
        "vocabulary": data.vocabulary,
        "decoder": _decoder_of(params, data.vocabulary, experiment.frame_shift),
        "frame_shift": experiment.frame_shift,
        "time_stride": model.encoder.time_stride,
        "segmentation": params["segmentation"],
        "batch_size": batch_size,
        "threads": data.threads,
        "trained_on": experiment.trained_on,
        "make_streaming": lambda: TrainedStream(model, data.extractor),
    }


def with_config_paths(decoder_params: Params) -> dict[str, Any]:
    """Filled `decoder_params` of a config, with the paths of its files as they are to be opened."""
    named = {name: decoder_params[name] for name in PATHS if decoder_params[name] is not None}
    return {**decoder_params, **{name: config_path(path) for name, path in named.items()}}


def _decoder_of(params: Params, vocabulary: SymbolTexts, frame_shift: float) -> Decoder:
    decoder_params = with_config_paths(params["decoder_params"])
    decoder = make_decoder(decoder_params, vocabulary, frame_shift)
    if decoder.note:
        _log.info("Beam search: %s", decoder.note)
    return decoder
