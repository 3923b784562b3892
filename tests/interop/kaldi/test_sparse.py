"""Scores of every n-th frame are those of all frames, however few are computed inside."""

from dataclasses import replace

import numpy as np
import pytest

from open_seq2seq.interop.kaldi import Evaluator, Input, Network, Output
from open_seq2seq.interop.kaldi import layers as L
from open_seq2seq.interop.kaldi.context import with_contexts
from open_seq2seq.interop.kaldi.draft import Draft
from open_seq2seq.interop.kaldi.plan import Plan
from open_seq2seq.interop.kaldi.sparse import thinned_frames
from tests.interop.kaldi import nets
from tests.interop.kaldi.runners import RUNNERS
from tests.interop.kaldi.test_nnet3 import CASES, inputs_of, network_of


def chain(steps=(1, 1, 0, 3, 3)):
    """A factored TDNN of two outputs, one of them from between the layers."""
    normal = nets.arrays(21)
    draft, wide, narrow = Draft(names={"input", "ivector"}), 8, 3
    spliced = draft.add("splice", L.Splice((-1, 0, 1)), ["input"], 12)
    fixed = draft.add("ivector.0", L.AtFrame(0), ["ivector"], 2)
    last = draft.add("append", L.Concatenate(), [spliced, fixed], 14)
    last = draft.add("lda", L.Affine(normal(wide, 14), normal(wide)), [last], wide)
    for step in steps:
        before, ahead = ((-step, 0), (0, step)) if step else ((0,), (0,))
        x = draft.add("linear", L.Tdnn(before, normal(narrow, wide * len(before))), [last], narrow)
        affine = L.Tdnn(ahead, normal(wide, narrow * len(ahead)), normal(wide))
        x = draft.add("affine", affine, [x], wide)
        x = draft.add("relu", L.Activation("relu"), [x], wide)
        last = draft.add("sum", L.Sum(), [last, x], wide)
    xent = draft.add("xent", L.Affine(normal(4, wide), normal(4)), [draft.nodes[-2].name], 4)
    last = draft.add("output.affine", L.Affine(normal(5, wide), normal(5)), [last], 5)
    inputs = (Input("input", 4), Input("ivector", 2, per_utterance=True))
    outputs = (Output("output", last, 5), Output("output-xent", xent, 4))
    return with_contexts(Network("nnet3", inputs, tuple(draft.nodes), outputs))


def given(network, frames):
    generator = np.random.default_rng(frames)
    return {
        one.name: generator.normal(
            size=(2, one.dim) if one.per_utterance else (2, frames, one.dim)
        ).astype(np.float32)
        for one in network.inputs
    }


def every(network, inputs, step):
    """Of all frames' scores some."""
    whole = Evaluator(network)
    rows = [whole({name: one[n] for name, one in inputs.items()}) for n in range(2)]
    return {one.name: np.stack([r[one.name][::step] for r in rows]) for one in network.outputs}


def check(runner, step, frames):
    network = chain()
    for count in frames:
        inputs = given(network, count)
        found = RUNNERS[runner](replace(network, frame_subsampling=step), inputs)
        for name, expected in every(network, inputs, step).items():
            tolerance = 1e-5 * max(1.0, float(np.abs(expected).max()))
            np.testing.assert_allclose(
                np.asarray(found[name]), expected, rtol=0, atol=tolerance, err_msg=str(count)
            )


@pytest.mark.parametrize("runner", ["keras", "onnx"])
def test_a_chain_model(runner):
    check(runner, 3, (1, 11))


@pytest.mark.slow
@pytest.mark.parametrize("step", [2, 3, 4])
@pytest.mark.parametrize("runner", RUNNERS)
def test_a_chain_model_of_any_length(runner, step):
    check(runner, step, (1, 2, 3, 4, 5, 6, 7, 29))


@pytest.mark.parametrize("step", [2, 4])
@pytest.mark.parametrize("name", CASES)
def test_networks_of_all_descriptors(name, step, tmp_path):
    case = CASES[name]
    network = replace(network_of(case, tmp_path), frame_subsampling=1)
    for frames in (2, 13):
        inputs = inputs_of(case, frames)
        found = Evaluator(replace(network, frame_subsampling=step))(inputs)
        for output, rows in Evaluator(network)(inputs).items():
            np.testing.assert_allclose(found[output], rows[::step], rtol=1e-5, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("step", [2, 3])
@pytest.mark.parametrize("name", CASES)
def test_graphs_of_all_descriptors(name, step, tmp_path):
    case = CASES[name]
    network = replace(network_of(case, tmp_path), frame_subsampling=1)
    for frames in (2, 13):
        inputs = inputs_of(case, frames)
        batch = {name: one[None] for name, one in inputs.items()}
        found = RUNNERS["keras"](replace(network, frame_subsampling=step), batch)
        for output, rows in Evaluator(network)(inputs).items():
            np.testing.assert_allclose(
                np.asarray(found[output])[0], rows[::step], rtol=1e-5, atol=1e-5
            )


def test_later_layers_compute_a_third_of_the_frames():
    network = replace(chain(), frame_subsampling=3)
    found = thinned_frames(Plan.of(network))
    # Of the last layer by 1, whose output is taken at 0, 3, ...: 0 and 1 of the narrow part.
    names = [node.name for node in network.nodes if node.name.startswith("linear")]
    rests = [sorted(found[name]) if name in found else None for name in names]
    assert rests == [None, [0, 1], [0], [0], [0]]
    assert not thinned_frames(Plan.of(chain()))


def test_an_input_of_a_recurrence_keeps_all_frames(tmp_path):
    network = replace(network_of(CASES["lstm"], tmp_path), frame_subsampling=3)
    thinned = thinned_frames(Plan.of(network))
    assert {name for name in thinned if name.startswith("lstm")} == set()
    assert "tdnn" in thinned
