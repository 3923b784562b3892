"""What a model file is, and what it is not."""

import numpy as np
import pytest

from open_seq2seq.errors import InputError
from open_seq2seq.interop.kaldi import Evaluator, read_network
from tests.interop.kaldi import nets
from tests.interop.kaldi.model_writer import ModelWriter
from tests.interop.kaldi.test_nnet1 import recurrent
from tests.interop.kaldi.test_nnet3 import CASES


def refused(path, content):
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read_network(path)
    return error.value


def unknown(writer):
    writer.token("<Something>").vector(np.arange(5))


def test_all_components_that_are_not_known_are_named_at_once(tmp_path):
    weight = nets.arrays(0)(4, 4)
    layers = [
        ("<KlHmm>", 4, 4, unknown),
        ("<AffineTransform>", 4, 4, nets.affine(weight, weight[0])),
        ("<Rbm>", 4, 4, unknown),
    ]
    writer = nets.nnet1(True, layers)
    error = refused(tmp_path / "model", writer.content)
    assert "2 components that cannot be used" in error.summary
    assert [one.found for one in error.problems] == ["<KlHmm>", "<Rbm>"]
    for one, name in zip(error.problems, ("component 0", "component 2")):
        assert f"byte {writer.content.index(one.found.encode())} ({name})" in one.where


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "text"])
def test_the_same_of_nnet2_and_nnet3(binary, tmp_path):
    names = ["WhateverComponent", "PiecewiseLinearComponent"]
    second = nets.nnet2(binary, [(name, unknown) for name in names])
    config = "input-node name=input dim=3\noutput-node name=output input=input"
    third = nets.nnet3(binary, config, [(name, name, unknown) for name in names])
    for writer in (second, third):
        error = refused(tmp_path / "model", writer.content)
        assert [one.found for one in error.problems] == [f"<{name}>" for name in names]


def test_what_looks_like_tokens_among_weights_is_none(tmp_path):
    weight = np.zeros((4, 4), np.float32)
    weight[1] = np.frombuffer(b"<Softmax> </Nnet> <Nnet3> ", "<f4", 4)
    layers = [("<AffineTransform>", 4, 4, nets.affine(weight, weight[0]))]
    network = read_network(nets.nnet1(True, layers).save(tmp_path / "model"))
    np.testing.assert_array_equal(network.nodes[0].layer.weight, weight)


@pytest.mark.parametrize("self_loops", [False, True])
@pytest.mark.parametrize("binary", [True, False], ids=["binary", "text"])
def test_a_gmm_is_named(binary, self_loops, tmp_path):
    writer = ModelWriter(binary)
    nets.transition_model(writer, self_loops)
    writer.token("<DIMENSION>").integer(39)
    error = refused(tmp_path / "final.mdl", writer.content)
    assert "a GMM, not a network" in str(error)


@pytest.mark.parametrize(
    "content",
    [b"", b"\0B", b"RIFF....WAVE", b"hello world", b"\0BFM \4\1\0\0\0", b"<Nnet>", b"\0" * 99],
)
def test_what_is_no_model(content, tmp_path):
    assert str(tmp_path) in str(refused(tmp_path / "model", content))


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        (("<Sigmoid>", 2_000_000_000, 2_000_000_000, nets.nothing), "2000000000 features"),
        (("<Splice>", 200, 100, lambda w: w.ints([-2_000_000_000, 0])), "contexts of 2000000000"),
    ],
)
def test_sizes_that_nothing_stands_for(layer, says, tmp_path):
    writer = nets.nnet1(True, [layer])
    assert says in str(refused(tmp_path / "model", writer.content))


def test_more_than_a_network(tmp_path):
    content = recurrent(True).content + b"<Nnet> "
    assert "the end of the file" in str(refused(tmp_path / "model", content))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("input=first", "input=nothing", "the node nothing"),
        ("input=first", "input=Append(first", "cut off|without its end"),
        ("input=first", "input=Frob(first)", "the function Frob"),
        ("input=first", "input=last", "a circle"),
        ("input=first", "input=Offset(last, -1)", "an output that needs itself"),
        ("input=first", "input=Sum(IfDefined(Offset(last, -1)), IfDefined(Offset(last, 1)))",
         "a circle"),
        ("input=first", "input=Offset(first, 999999)", "contexts beyond"),
        ("input=first", "input=Append(first, first)", "an input of 12 features"),
        ("component=two", "component=three", "component=three"),
        ("name=last", "name=first", "first again"),
        ("output-node", "output-knot", "expected a line that begins with"),
        ("dim=6", "dim=0", "dim=0"),
        ("dim=6", "dim=1e3", "'1e3'"),
    ],
)  # fmt: skip
def test_config_lines_that_are_wrong(old, new, says, tmp_path):
    case = CASES["always-ahead"]
    config = case.config.replace("Offset(first, 4)", "first").replace(old, new)
    components = [(name, part[0], part[1]) for name, part in case.parts.items()]
    last = np.zeros((6, 6), np.float32)
    components[1] = ("two", *nets_affine(last))
    content = nets.nnet3(True, config, components).content
    with pytest.raises(InputError, match=says):
        (tmp_path / "model").write_bytes(content)
        read_network(tmp_path / "model")


def nets_affine(weight):
    return "NaturalGradientAffineComponent", nets.natural_gradient_affine(weight, weight[0])


def test_inputs_that_are_not_the_models(tmp_path):
    evaluator = Evaluator(read_network(CASES["ivector"].write().save(tmp_path / "model")))
    with pytest.raises(InputError) as error:
        evaluator({"input": np.zeros((3, 5)), "other": np.zeros(3)})
    found = {one.where: one.found for one in error.value.problems}
    assert found["input"] == "the shape [3, 5]"
    assert found["ivector"] == "nothing"
    assert "other" in found


def test_which_inputs_are_of_the_whole_utterance(tmp_path):
    config = """input-node name=speaker dim=2
input-node name=pitch dim=1
input-node name=input dim=3
output-node name=output input=Append(input, Offset(pitch, 1), ReplaceIndex(speaker, t, 0))"""
    network = read_network(nets.nnet3(True, config, []).save(tmp_path / "model"))
    found = {one.name: one.per_utterance for one in network.inputs}
    assert found == {"speaker": True, "pitch": False, "input": False}
    inputs = {"speaker": np.ones(2), "pitch": np.arange(4)[:, None], "input": np.zeros((4, 3))}
    found = Evaluator(network)(inputs)["output"]
    np.testing.assert_array_equal(found[:, 3:], [[1, 1, 1], [2, 1, 1], [3, 1, 1], [3, 1, 1]])


def test_an_utterance_without_frames(tmp_path):
    for name in ("lstm", "tdnnf", "both-ways", "statistics"):
        case = CASES[name]
        evaluator = Evaluator(read_network(case.write().save(tmp_path / "model")))
        inputs = {"input": np.zeros((0, 6)), **{k: np.zeros(d) for k, d in case.inputs.items()}}
        assert len(evaluator(inputs)["output"]) == 0
