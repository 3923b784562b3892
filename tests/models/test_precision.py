"""The dtype parameter: its names, and what a machine without bfloat16 does with it."""

import pytest

from open_seq2seq.models import precision
from open_seq2seq.models.params import SPEECH2TEXT
from open_seq2seq.models.product_times import ProductTimes
from open_seq2seq.native_build.cpu import onednn_limit


@pytest.mark.parametrize(
    ("dtype", "policy"),
    [
        ("float32", "float32"),
        ("tf.float32", "float32"),
        ("mixed", "mixed_bfloat16"),
        ("mixed_bfloat16", "mixed_bfloat16"),
        ("mixed_float16", "mixed_float16"),
    ],
)
def test_names_on_an_accelerator(dtype, policy):
    assert SPEECH2TEXT.by_name["dtype"].problems(dtype, "dtype", {}) == []
    assert precision.dtype_policy(dtype, has_accelerator=True) == (policy, None)


@pytest.mark.parametrize("has_bfloat16", [True, False])
def test_a_cpu_without_bfloat16_computes_in_float32_and_says_so(monkeypatch, has_bfloat16):
    monkeypatch.setattr(precision, "supports_bfloat16", lambda: has_bfloat16)
    policy, note = precision.dtype_policy("mixed", has_accelerator=False)
    if has_bfloat16:
        assert (policy, note) == ("mixed_bfloat16", None)
    else:
        assert policy == "float32" and note is not None and "no bfloat16" in note


@pytest.mark.parametrize("limit", ["AVX2", "sse41"])
def test_onednn_limited_to_instructions_without_bfloat16(monkeypatch, limit):
    """TensorFlow would abort in the first product of bfloat16 numbers."""
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)
    policy, note = precision.dtype_policy("mixed", has_accelerator=False)
    assert policy == "float32" and note is not None
    assert f"ONEDNN_MAX_CPU_ISA={limit} leaves TensorFlow no bfloat16" in note
    assert onednn_limit() == f"ONEDNN_MAX_CPU_ISA={limit}"
    for harmless in ("AVX512_CORE", "AVX512_CORE_AMX", "DEFAULT"):
        monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", harmless)
        assert onednn_limit() is None
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    assert onednn_limit() is None


def test_float16_on_a_cpu_is_done_only_for_who_insists():
    policy, note = precision.dtype_policy("mixed_float16", has_accelerator=False)
    assert policy == "mixed_float16" and note is not None and "slow" in note
    for old in ("float16", "tf.float16"):
        policy, note = precision.dtype_policy(old, has_accelerator=False)
        assert policy == "float32" and note is not None and "mixed_float16" in note


def times(float32, bfloat16):
    return lambda: ProductTimes(float32, bfloat16)


def test_auto_is_what_is_faster_and_says_why():
    assert SPEECH2TEXT.by_name["dtype"].problems("auto", "dtype", {}) == []
    assert precision.dtype_policy("auto", has_accelerator=True) == ("mixed_bfloat16", None)
    dtype, note = precision.measured_dtype("auto", times(0.004, 0.003))
    assert dtype == "mixed" and "3.0 ms in bfloat16, 4.0 in float32" in note
    dtype, note = precision.measured_dtype("auto", times(0.003, 0.004))
    assert dtype == "float32" and "4.0 ms in bfloat16, 3.0 in float32" in note


def test_auto_without_bfloat16_is_float32_without_a_word(monkeypatch):
    monkeypatch.setattr(precision, "supports_bfloat16", lambda: False)
    assert precision.dtype_policy("auto", has_accelerator=False) == ("float32", None)


@pytest.mark.parametrize("dtype", ["mixed", "mixed_bfloat16"])
def test_mixed_stays_and_says_where_it_is_slower(dtype):
    assert precision.measured_dtype(dtype, times(0.004, 0.003)) == (dtype, None)
    stays, note = precision.measured_dtype(dtype, times(0.003, 0.004))
    assert stays == dtype and "slower than float32" in note and "4.0 ms in bfloat16" in note


@pytest.mark.parametrize("dtype", ["float32", "mixed_float16", "tf.float32"])
def test_others_are_not_measured(dtype):
    assert precision.measured_dtype(dtype, None) == (dtype, None)
