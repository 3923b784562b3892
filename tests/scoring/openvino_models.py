"""Small graphs of OpenVINO, as its converters made them of Kaldi's models."""

import numpy as np
import openvino as ov
from openvino import opset13 as ops
from openvino.op.util import Variable, VariableInfo

RANDOM = np.random.default_rng(7)
WEIGHT = RANDOM.normal(size=(3, 4)).astype(np.float32)
BIAS = RANDOM.normal(size=3).astype(np.float32)


def named(node, name):
    node.set_friendly_name(name.removesuffix(":0"))
    node.output(0).set_names({name})
    return node


def frames_model(rows=1, dim=4):
    """`[rows, 4]` -> sigmoid(W x + b), its input named as Model Optimizer did; -1: any number."""
    x = named(ops.parameter([rows, dim], np.float32), "Parameter")
    product = ops.matmul(x, ops.constant(WEIGHT), False, True)
    affine = named(ops.add(product, ops.constant(BIAS[None])), "affinetransform/Fused_Add_:0")
    score = named(ops.sigmoid(affine), "sigmoid:0")
    return ov.Model([ops.result(score)], [x], "frames")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def frames_by_hand(x):
    return sigmoid(x.astype(np.float64) @ WEIGHT.T + BIAS)


def fixed_rows_model(rows):
    """A graph that is only right for its own number of rows: it subtracts their mean."""
    x = named(ops.parameter([rows, 4], np.float32), "x")
    mean = ops.reduce_mean(x, ops.constant(np.array([0])), True)
    return ov.Model([ops.result(named(ops.subtract(x, mean), "y:0"))], [x], "fixed")


def sum_model():
    """A running sum of frames `[1, 4]`: a state that has to be reset."""
    x = named(ops.parameter([1, 4], np.float32), "x")
    info = VariableInfo()
    info.data_shape, info.data_type, info.variable_id = ov.PartialShape([1, 4]), ov.Type.f32, "id"
    variable = Variable(info)
    before = ops.read_value(ops.constant(np.zeros((1, 4), np.float32)), variable)
    total = named(ops.add(before, x), "sum:0")
    return ov.Model([ops.result(total)], [ops.assign(total, variable)], [x], "sum")


def splice_model(left=2, right=1):
    """The mean of frames t - left .. t + right, `right` frames late: a memory of frames."""
    x = named(ops.parameter([1, 4], np.float32), "x")
    count = left + right + 1
    info = VariableInfo()
    info.data_shape = ov.PartialShape([1, 4 * count])
    info.data_type, info.variable_id = ov.Type.f32, "id"
    variable = Variable(info)
    before = ops.read_value(ops.constant(np.zeros((1, 4 * count), np.float32)), variable)
    kept = ops.slice(before, ops.constant(np.array([4])), ops.constant(np.array([4 * count])),
                     ops.constant(np.array([1])), ops.constant(np.array([1])))  # fmt: skip
    frames = ops.concat([kept, x], 1)
    stacked = ops.reshape(frames, ops.constant(np.array([1, count, 4])), False)
    mean = named(ops.reduce_mean(stacked, ops.constant(np.array([1])), False), "mean:0")
    return ov.Model([ops.result(mean)], [ops.assign(frames, variable)], [x], "splice")


def splice_by_hand(x, left=2, right=1):
    padded = np.concatenate([np.repeat(x[:1], left, 0), x, np.repeat(x[-1:], right, 0)])
    count = left + right + 1
    return np.stack([padded[t : t + count].mean(axis=0) for t in range(len(x))])


def whole_model():
    """`[batch, time, 4]` with lengths -> the frames less their utterance's first one."""
    x = named(ops.parameter([-1, -1, 4], np.float32), "features")
    lengths = named(ops.parameter([-1], np.int64), "lengths")
    first = ops.slice(x, ops.constant(np.array([0])), ops.constant(np.array([1])),
                      ops.constant(np.array([1])), ops.constant(np.array([1])))  # fmt: skip
    less = named(ops.subtract(x, first), "y:0")
    rows = named(ops.add(lengths, ops.constant(np.int64(0))), "rows:0")
    return ov.Model([ops.result(less), ops.result(rows)], [x, lengths], "whole")
