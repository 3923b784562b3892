"""The example configs for streams: what they wait for, and that a stream is the recording."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from open_seq2seq.config.loading import load_config
from open_seq2seq.config.overrides import split_arguments
from open_seq2seq.experiment import effective_params, make_experiment
from open_seq2seq.inference.recognizer import Recognizer, log_softmax
from open_seq2seq.streaming.network import Piece

FOLDER = Path(__file__).parents[2] / "example_configs/speech2text"
NAMES = ["ds2_streaming_mini_librispeech", "quartznet_streaming_mini_librispeech"]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_streams_what_the_whole_recording_gives(name, tmp_path):
    overrides = [
        f"--logdir={tmp_path}",
        "--dtype=float32",
        "--data_layer_params/running_prior_frames=0",  # no statistics without training data
    ]
    config = load_config(FOLDER / f"{name}.py")
    params = effective_params(config, split_arguments(overrides), "infer")
    experiment = make_experiment(params, config.base_model, "infer", utterances=[])
    recognizer = Recognizer.of(experiment)
    network = recognizer.streaming_network
    assert network.look_ahead == pytest.approx(0.64)

    samples = 0.1 * np.random.default_rng(0).standard_normal(40_007).astype(np.float32)
    state, rows = network.initial_state(), []
    cuts = [0, 1, 700, 15_000, 15_001, 31_000, len(samples)]
    for first, end in itertools.pairwise(cuts):
        piece = Piece(samples[first:end], state, last=end == len(samples))
        [(more, state)] = network.compute([piece])
        rows.append(more)
    [expected] = recognizer.log_probs([samples])
    np.testing.assert_allclose(log_softmax(np.concatenate(rows)), expected, atol=1e-4)
