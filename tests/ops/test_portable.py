"""Where the C++ kernels are left out of graphs."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import tensorflow as tf

from open_seq2seq.layers.convolution import Convolution
from open_seq2seq.layers.normalization import BatchNorm
from open_seq2seq.layers.recurrent import RecurrentLayer
from open_seq2seq.ops.portable import is_portable, portable
from tests.machines import need_kernels
from tests.tensorflow_graphs import nodes


def test_it_holds_inside_only_and_for_this_thread():
    assert not is_portable()
    with portable():
        assert is_portable()
        with ThreadPoolExecutor(1) as pool:
            assert not pool.submit(is_portable).result()
    assert not is_portable()


def depthwise():
    return Convolution("sep_conv1d", 32, [3], dtype="mixed_bfloat16"), (None, None, 32)


def normalization():
    return BatchNorm(dtype="mixed_bfloat16"), (None, None, 32)


def recurrent():
    return RecurrentLayer("lstm", 16), (None, None, 5)


@pytest.mark.parametrize("make", [depthwise, normalization, recurrent])
def test_graphs_without_the_kernels(make):
    """What would be traced to them is not, of a layer that computes half precision too."""
    need_kernels()
    layer, shape = make()
    layer.build(shape)

    def run(inputs):
        if isinstance(layer, RecurrentLayer):
            return layer(inputs, tf.fill(tf.shape(inputs)[:1], 3))
        return layer(inputs, training=True) if isinstance(layer, BatchNorm) else layer(inputs)

    def custom():
        graph = tf.function(run).get_concrete_function(tf.TensorSpec(shape, layer.compute_dtype))
        return {node.op for node in nodes(graph) if node.op.startswith("OpenSeq2Seq")}

    assert custom()
    with portable():
        assert not custom()


def test_loops_of_one_batch_size_are_such_as_litert_takes():
    """Rows of a known shape, and no body that two loops share."""
    layers = [RecurrentLayer("lstm", 5, name=name) for name in ("lower", "upper")]
    layers[0].build((1, None, 5))
    layers[1].build((1, None, 5))

    def run(inputs, lengths):
        for layer in layers:
            (inputs,) = layer(inputs, lengths)
        return inputs

    specs = tf.TensorSpec((1, None, 5)), tf.TensorSpec((1,), tf.int32)
    with portable():
        graph = tf.function(run).get_concrete_function(*specs)
    loops = [node for node in nodes(graph) if node.op.endswith("While")]
    assert len({loop.attr["body"].func.name for loop in loops}) == 2
    assert graph.outputs[0].shape.as_list() == [1, None, 5]
