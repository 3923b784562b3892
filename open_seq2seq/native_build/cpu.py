"""What this machine's CPU can do."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from ctc_decoder_with_lm.cpu import cpu_flags

# The instructions that multiply bfloat16 numbers, as Linux names them: AVX-512 and
# AMX on x86, and the Arm equivalent. Without them bfloat16 is emulated and slower
# than float32.
BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})

# The limits of oneDNN (https://uxlfoundation.github.io/oneDNN/dev_guide_cpu_dispatcher_control.html)
# under which it has no bfloat16; in AVX2_VNNI_2 only where the processor has that.
_WITHOUT_BFLOAT16 = frozenset({"SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2"})


def available_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def supports_bfloat16(cpuinfo: str = "/proc/cpuinfo") -> bool:
    """Whether training in bfloat16 is possible, and faster than in float32, on this CPU."""
    return bool(BFLOAT16_FLAGS & cpu_flags(cpuinfo)) and onednn_limit() is None


def onednn_limit() -> str | None:
    """The setting that keeps TensorFlow from bfloat16, as `NAME=VALUE`; None: there is none.

    `ONEDNN_MAX_CPU_ISA` limits oneDNN's instruction set. TensorFlow asks the processor, not
    oneDNN: below AVX-512 a product of bfloat16 numbers aborts the process (TensorFlow 2.21).
    """
    if os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "0":
        return None
    for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"):  # the first one counts
        if value := os.environ.get(name):
            limited = value.upper() in _WITHOUT_BFLOAT16
            return f"{name}={value}" if limited else None
    return None


def cpu_name(cpuinfo: str = "/proc/cpuinfo") -> str:
    """The CPU as its maker calls it, for messages and benchmarks."""
    try:
        lines = Path(cpuinfo).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
