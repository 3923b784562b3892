"""What this machine's CPU can do."""

from __future__ import annotations

import functools
import platform
from pathlib import Path

# The instructions that multiply bfloat16 numbers, as Linux names them: AVX-512 and
# AMX on x86, and the Arm equivalent. Without them bfloat16 is emulated and slower
# than float32.
BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})


@functools.cache
def cpu_flags(cpuinfo: str = "/proc/cpuinfo") -> frozenset[str]:
    """The instruction set extensions of the first CPU, empty where they cannot be known.

    Args:
      cpuinfo: the file in which Linux lists them.
    """
    try:
        lines = Path(cpuinfo).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() in ("flags", "Features"):
            return frozenset(value.split())
    return frozenset()


def supports_bfloat16(cpuinfo: str = "/proc/cpuinfo") -> bool:
    """Whether training in bfloat16 is faster than in float32 on this CPU."""
    return bool(BFLOAT16_FLAGS & cpu_flags(cpuinfo))


def cpu_name(cpuinfo: str = "/proc/cpuinfo") -> str:
    """The CPU as its maker calls it, for messages and benchmarks."""
    try:
        lines = Path(cpuinfo).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
