"""The dtype parameter: its names, and what a machine without bfloat16 does with it."""

import pytest

from open_seq2seq.models import precision
from open_seq2seq.models.params import SPEECH2TEXT
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
