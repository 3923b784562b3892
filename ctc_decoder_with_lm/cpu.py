"""What this machine's processor can do, as far as its libraries depend on it."""

from __future__ import annotations

import functools
import platform
from pathlib import Path

# What the levels of x86-64 ask for, as Linux names it, without what all processors with the rest
# have (https://gitlab.com/x86-psABIs/x86-64-ABI, section "Micro-Architecture Levels").
_LEVELS = {
    "x86-64-v4": frozenset({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}),
    "x86-64-v3": frozenset({"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe"}),
    "x86-64-v2": frozenset({"cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3"}),
}


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


def levels() -> list[str]:
    """The levels that this processor runs, the fastest first, `generic` last."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return ["generic"]
    found: list[str] = []
    needed: frozenset[str] = frozenset()
    for level, more in reversed(_LEVELS.items()):
        needed |= more
        if cpu_flags() >= needed:
            found.insert(0, level)
    return [*found, "generic"]
