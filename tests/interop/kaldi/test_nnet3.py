"""nnet3 over time: scores are those of the definition, whole, in pieces and from text."""

import numpy as np
import pytest

from open_seq2seq.errors import InputError
from open_seq2seq.interop.kaldi import Evaluator, read_network
from open_seq2seq.interop.kaldi.prepare import with_frame_subsampling
from tests.interop.kaldi.graphs import DIM, cases
from tests.interop.kaldi.reference import Reference

CASES = {case.name: case for case in cases()}


def inputs_of(case, frames, seed=0):
    generator = np.random.default_rng(seed)
    found = {"input": generator.normal(size=(frames, DIM)).astype(np.float32)}
    for name, dim in case.inputs.items():
        found[name] = generator.normal(size=dim).astype(np.float32)
    return found


def network_of(case, path, binary=True):
    network = read_network(case.write(binary).save(path / f"{case.name}-{binary}.mdl"))
    return with_frame_subsampling(network, case.subsampling)


def definition(case, network, inputs):
    dims = {"input": DIM, **case.inputs, **{node.name: node.dim for node in network.nodes}}
    return Reference(case.config, case.functions(), inputs, *case.context, dims)


@pytest.mark.parametrize("name", CASES)
def test_scores_are_those_of_the_definition(name, tmp_path):
    case = CASES[name]
    network = network_of(case, tmp_path)
    assert (network.left_context, network.right_context) == case.context
    evaluator = Evaluator(network)
    for frames in (1, 2, 13):
        inputs = inputs_of(case, frames)
        found = evaluator(inputs)
        reference = definition(case, network, inputs)
        for output in network.outputs:
            expected = reference.scores(output.name, case.subsampling)
            assert found[output.name].shape == (-(-frames // case.subsampling), output.dim)
            np.testing.assert_allclose(found[output.name], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_text_is_read_as_binary_is(name, tmp_path):
    case = CASES[name]
    inputs = inputs_of(case, 9)
    binary, text = (Evaluator(network_of(case, tmp_path, one))(inputs) for one in (True, False))
    for output in binary:
        np.testing.assert_allclose(text[output], binary[output], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("sizes", [[1] * 17, [5, 1, 11], [0, 3, 0, 14], [16, 1]], ids=str)
@pytest.mark.parametrize("name", CASES)
def test_pieces_give_what_the_whole_gives(name, sizes, tmp_path):
    case = CASES[name]
    evaluator = Evaluator(network_of(case, tmp_path))
    inputs = inputs_of(case, 17)
    whole, stream = evaluator(inputs), evaluator.stream()
    found = {output: [] for output in whole}
    for number, end in enumerate(np.cumsum(sizes)):
        piece = {"input": inputs["input"][end - sizes[number] : end]}
        if number == 0:
            piece |= {name: inputs[name] for name in case.inputs}
        else:  # as another process would go on
            state, stream = stream.state, evaluator.stream()
            stream.state = state
        for output, rows in stream.accept(piece, last=number == len(sizes) - 1).items():
            found[output].append(rows)
    for output, rows in found.items():
        np.testing.assert_allclose(np.concatenate(rows), whole[output], rtol=1e-5, atol=1e-5)


def test_a_stream_gives_scores_as_soon_as_it_can_and_forgets_old_frames(tmp_path):
    evaluator = Evaluator(network_of(CASES["lstm"], tmp_path))
    stream = evaluator.stream()
    sizes, counts = [], []
    for _ in range(60):
        rows = stream.accept({"input": np.ones((1, DIM), np.float32)})
        counts.append(len(rows["output"]))
        sizes.append(sum(array.size for array in stream.state.values()))
    # One frame of right context, and every third frame is scored.
    assert counts[:8] == [0, 1, 0, 0, 1, 0, 0, 1]
    assert max(sizes[30:]) <= max(sizes[10:30])


def test_a_stream_that_is_reset_begins_anew(tmp_path):
    case = CASES["lstm"]
    evaluator = Evaluator(network_of(case, tmp_path))
    inputs = inputs_of(case, 8)
    stream = evaluator.stream()
    stream.accept(inputs_of(case, 5, seed=1))
    stream.reset()
    np.testing.assert_array_equal(
        stream.accept(inputs, last=True)["output"], evaluator(inputs)["output"]
    )


def test_a_model_cut_behind_its_network_is_not_whole(tmp_path):
    content = CASES["lstm"].write(True).content
    path = tmp_path / "cut.mdl"
    path.write_bytes(content[: content.index(b"</Nnet3>") + len(b"</Nnet3>")])
    with pytest.raises(InputError, match="no <LeftContext>, <RightContext>, <Priors>"):
        read_network(path)
