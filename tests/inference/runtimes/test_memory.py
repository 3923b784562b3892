"""Memory that loading a model needed is not kept."""

import ctypes
import subprocess
import sys
from types import SimpleNamespace

import pytest

from open_seq2seq.inference.runtimes import memory

# 64 MB in small blocks, of which the last one is kept: only what lies above it goes back by itself.
_PROGRAM = """
import ctypes
from pathlib import Path
from open_seq2seq.inference.runtimes.memory import release_freed_memory

def resident():
    lines = dict(l.split(":", 1) for l in Path("/proc/self/status").read_text().splitlines())
    return int(lines["VmRSS"].split()[0]) // 1024

library = ctypes.CDLL(None)
library.malloc.restype, library.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
before = resident()
blocks = [library.malloc(65536) for _ in range(1000)]
for block in blocks:
    ctypes.memset(ctypes.c_void_p(block), 1, 65536)
kept = library.malloc(65536)
for block in blocks:
    library.free(block)
held = resident()
release_freed_memory()
print(before, held, resident())
"""


def test_freed_memory_goes_back_to_the_system():
    if not hasattr(ctypes.CDLL(None), "malloc_trim"):
        pytest.skip("a C library without malloc_trim")
    found = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True)
    before, held, after = map(int, found.stdout.split())
    assert held - before > 50
    assert after - before < 20


def test_without_glibc_nothing_is_done(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace())
    memory.release_freed_memory()
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(ctypes, "CDLL", None)
    memory.release_freed_memory()
