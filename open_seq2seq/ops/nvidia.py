"""NVIDIA's GPUs in this machine, whether or not a framework can use them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_VENDOR, _DISPLAY = "0x10de", "0x03"  # of PCI: NVIDIA; the class of displays and 3D controllers


@dataclass(frozen=True)
class NvidiaGpus:
    """What a machine shows of NVIDIA's GPUs.

    Args:
      names: one of each GPU, empty where there is none.
      driver: whether its driver is loaded, as far as can be seen.
      closed: device files that this process may not open.
    """

    names: tuple[str, ...] = ()
    driver: bool = False
    closed: tuple[str, ...] = ()


def find_nvidia_gpus(root: Path = Path("/"), nvidia_smi: str = "nvidia-smi") -> NvidiaGpus:
    """Looks for GPUs where the driver, the device files, `nvidia-smi` and the PCI bus have them.

    In a container the bus may have more GPUs than the container was given, so it comes last; it is
    all that is left where the driver is missing.

    Args:
      root: the file system's.
      nvidia_smi: the program, by name or path.
    """
    described = [_model(path) for path in _sorted(root, "proc/driver/nvidia/gpus/*/information")]
    files = [path for path in _sorted(root, "dev/nvidia*") if path.name[6:].isdecimal()]
    loaded = bool(described or files) or (root / "proc/driver/nvidia/version").is_file()
    names = described or ["NVIDIA GPU"] * len(files)
    if not names:
        names = _listed(nvidia_smi)
        loaded = loaded or bool(names)
    closed = [str(path) for path in files if not os.access(path, os.R_OK | os.W_OK)]
    return NvidiaGpus(tuple(names or _on_the_bus(root)), loaded, tuple(closed))


def _sorted(root: Path, pattern: str) -> list[Path]:
    try:
        return sorted(root.glob(pattern))
    except OSError:  # what may not be looked into
        return []


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _model(path: Path) -> str:
    found = re.search(r"^Model:\s*(\S.*?)\s*$", _text(path), re.MULTILINE)
    return found[1] if found else "NVIDIA GPU"


def _listed(program: str) -> list[str]:
    """The names in `nvidia-smi -L`: on Windows, and in its Linux, there is nothing else."""
    path = shutil.which(program)
    if path is None:
        return []
    try:
        done = subprocess.run([path, "-L"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return []
    if done.returncode:
        return []
    return re.findall(r"^GPU \d+: (.*?)(?: \(UUID.*)?$", done.stdout, re.MULTILINE)


def _on_the_bus(root: Path) -> list[str]:
    names = []
    for device in _sorted(root, "sys/bus/pci/devices/*"):
        vendor, kind = (_text(device / name).strip() for name in ("vendor", "class"))
        if vendor == _VENDOR and kind.startswith(_DISPLAY):
            number = _text(device / "device").strip().removeprefix("0x")
            names.append(f"NVIDIA GPU, PCI device {number}" if number else "NVIDIA GPU")
    return names
