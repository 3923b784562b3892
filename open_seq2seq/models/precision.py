"""The `dtype` parameter of a model -> a Keras dtype policy that this machine can run."""

from __future__ import annotations

from collections.abc import Callable

from open_seq2seq.models.product_times import ProductTimes
from open_seq2seq.native_build.cpu import onednn_limit, supports_bfloat16

# bfloat16 or float32, whichever this machine is faster in.
AUTO = "auto"

# The names a config may use; OpenSeq2Seq's "mixed" is bfloat16 here, which needs no loss
# scaling and is what processors and accelerators of today compute fastest.
POLICIES = {
    "float32": "float32",
    "mixed": "mixed_bfloat16",
    "mixed_bfloat16": "mixed_bfloat16",
    "mixed_float16": "mixed_float16",
    "float16": "mixed_float16",
    # Until it is measured: on accelerators always.
    AUTO: "mixed_bfloat16",
}


def policy_name(dtype: str) -> str:
    """The Keras policy that `dtype` means, whatever the machine."""
    return POLICIES[dtype.removeprefix("tf.")]


def dtype_policy(dtype: str, has_accelerator: bool) -> tuple[str, str | None]:
    """The Keras policy for `dtype`, and what the user should be told about it (or None).

    Variables, batch-norm statistics, logits and the loss are float32 under every policy: the
    variables are the float32 master weights that OpenSeq2Seq kept beside its float16 ones.

    Args:
      dtype: a key of `POLICIES`; a leading `tf.` is ignored.
      has_accelerator: whether the model runs on a GPU or TPU.
    """
    policy = policy_name(dtype)
    if has_accelerator or policy == "float32":
        return policy, None
    if dtype == AUTO and not supports_bfloat16():
        return "float32", None
    if dtype == "mixed_float16":
        return policy, (
            f"dtype {dtype!r}: float16 arithmetic is slow on a CPU. Use 'mixed' (bfloat16) on "
            "processors that have it, or float32."
        )
    if policy == "mixed_float16":
        return "float32", (
            f"dtype {dtype!r}: float16 arithmetic is slow on a CPU, so this run computes in "
            "float32. Use 'mixed' (bfloat16) on processors that have it; 'mixed_float16' "
            "insists on float16."
        )
    if not supports_bfloat16():
        limit = onednn_limit()
        reason = (
            "this CPU has no bfloat16 instructions (avx512_bf16 or amx_bf16)"
            if limit is None
            else f"the environment variable {limit} leaves TensorFlow no bfloat16"
        )
        return "float32", f"dtype {dtype!r}: {reason}, so this run computes in float32."
    return policy, None


def measured_dtype(dtype: str, measure: Callable[[], ProductTimes]) -> tuple[str, str | None]:
    """What a model that can compute in bfloat16 on this CPU should compute in, and why.

    Args:
      dtype: of the config, a key of `POLICIES`.
      measure: times the model's products; called if `dtype` is "auto" or a name of bfloat16.

    Returns:
      the `dtype` to use: another one than was given for "auto" only; and what the user should be
      told about it, or None.
    """
    if policy_name(dtype) != "mixed_bfloat16":
        return dtype, None
    times = measure()
    is_faster = times.bfloat16 <= times.float32
    if dtype == AUTO:
        chosen = "mixed" if is_faster else "float32"
        return chosen, f"dtype 'auto': {chosen}; products of this model take {times}."
    if is_faster:
        return dtype, None
    return dtype, (
        f"dtype {dtype!r} is slower than float32 on this processor: products of this model take "
        f"{times}. Set dtype to 'auto' or 'float32'."
    )
