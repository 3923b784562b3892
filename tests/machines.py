"""What a test needs of the machine; where it is missing, or switched off, the reason is shown."""

import os
from importlib.util import find_spec

import pytest

from open_seq2seq.errors import RunError
from open_seq2seq.native_build.cpu import onednn_limit, supports_bfloat16
from open_seq2seq.ops import native


def limit_tensorflow_alone() -> None:
    """Keeps oneDNN's limit (ONEDNN_MAX_CPU_ISA) from libraries other than TensorFlow.

    OpenVINO 2026.4 has a oneDNN of its own, which reads it too, and kernels beside it, which do
    not: it refuses models ("bad combination", SSE41) or crashes (AVX2). Each of them reads it once,
    before it first computes. In `os.environ` it stays, for what asks there, and tests that change
    it put it back.
    """
    if not onednn_limit():
        return
    import tensorflow as tf

    tf.nn.conv2d(tf.ones([1, 8, 8, 4]), tf.ones([3, 3, 4, 8]), 1, "SAME")
    os.unsetenv("ONEDNN_MAX_CPU_ISA")
    if find_spec("openvino") is None:
        return
    import numpy as np
    import openvino
    from openvino import opset13

    given = opset13.parameter([1, 8], np.float32)
    product = opset13.matmul(given, np.ones((8, 8), np.float32), False, False)
    openvino.Core().compile_model(openvino.Model([product], [given]), "CPU")([np.ones((1, 8))])


def need_bfloat16() -> None:
    """TensorFlow's products of bfloat16 numbers; skips where a setting keeps them from it."""
    if limit := onednn_limit():
        pytest.skip(f"{limit} leaves TensorFlow no bfloat16")


def widens_bfloat16() -> bool:
    """Whether TensorFlow adds products of bfloat16 numbers in float32, as oneDNN does."""
    return supports_bfloat16() and os.environ.get("TF_ENABLE_ONEDNN_OPTS") != "0"


def half_precisions() -> list[str]:
    """The dtypes of mixed precision that can be computed here."""
    return ["float16"] if onednn_limit() else ["bfloat16", "float16"]


def need_kernels() -> None:
    """Builds the C++ kernels if need be; skips where they cannot be, or are switched off."""
    if not native.supported():
        pytest.skip("this CPU has no AVX512-BF16")
    if native.switched_off():
        pytest.skip("the C++ kernels are switched off (OPEN_SEQ2SEQ_NATIVE=0)")
    try:
        native.build()
    except RunError as error:
        pytest.skip(f"the C++ kernels can't be built: {error.summary[:200]}")
    native.look_again()
    assert native.operations() is not None
