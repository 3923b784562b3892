"""Where the C++ kernels are left out of graphs."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import tensorflow as tf

from open_seq2seq.layers.convolution import Convolution
from open_seq2seq.layers.normalization import BatchNorm
from open_seq2seq.layers.recurrent import RecurrentLayer
from open_seq2seq.ops.portable import is_portable, portable
from tests.graphs import nodes
from tests.machines import need_kernels


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
