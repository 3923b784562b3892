"""NVIDIA's GPUs are found where Linux shows them: in trees of files made for the test."""

import pytest

from open_seq2seq.ops.nvidia import NvidiaGpus, find_nvidia_gpus

INFORMATION = "Model: \t\t NVIDIA A10\nIRQ:   \t\t 40\nGPU UUID: \t GPU-1\n"


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def pci(number, vendor="0x10de", kind="0x030000", device="0x2330"):
    place = f"sys/bus/pci/devices/0000:{number:02x}:00.0"
    found = {"vendor": vendor, "class": kind, "device": device}
    return {f"{place}/{name}": f"{value}\n" for name, value in found.items()}


def driver(*names):
    files = {
        f"proc/driver/nvidia/gpus/0000:{i:02x}:00.0/information": text
        for i, text in enumerate(names)
    }
    return {"proc/driver/nvidia/version": "NVRM version: 550.54.15\n", **files}


NAMED = ("NVIDIA GPU, PCI device 2330",)


@pytest.mark.parametrize(
    ("files", "names", "loaded"),
    [
        ({}, (), False),
        (pci(0, vendor="0x8086"), (), False),
        (pci(0, kind="0x040300"), (), False),  # the sound of a graphics card
        (pci(0, kind="0x0c0330"), (), False),  # its USB
        (pci(0), NAMED, False),
        (pci(0, kind="0x030200") | pci(1, kind="0x040300"), NAMED, False),
        (pci(0) | pci(1), NAMED * 2, False),
        (pci(0, device=""), ("NVIDIA GPU",), False),
        (pci(0) | driver(INFORMATION), ("NVIDIA A10",), True),
        # A container with one of two, and one whose driver shows no names.
        (pci(0) | pci(1) | driver(INFORMATION), ("NVIDIA A10",), True),
        (pci(0) | pci(1) | {"dev/nvidia1": "", "dev/nvidiactl": ""}, ("NVIDIA GPU",), True),
        ({"dev/nvidia-uvm": "", "dev/nvidiactl": ""}, (), False),
        (driver("IRQ: 40\n"), ("NVIDIA GPU",), True),
        (pci(0) | driver(), NAMED, True),
    ],
)
def test_what_linux_shows(tmp_path, files, names, loaded):
    write(tmp_path, files)
    assert find_nvidia_gpus(tmp_path, "no-such-program") == NvidiaGpus(names, loaded)


def program(path, text, code=0):
    path.write_text(f"#!/bin/sh\nprintf '{text}'\nexit {code}\n")
    path.chmod(0o755)
    return str(path)


def test_nvidia_smi_is_asked_where_nothing_else_tells(tmp_path):
    listed = "GPU 0: NVIDIA GeForce RTX 3060 (UUID: GPU-1)\\nGPU 1: Tesla T4 (UUID: GPU-2)\\n"
    smi = program(tmp_path / "nvidia-smi", listed)
    root = tmp_path / "root"
    expected = NvidiaGpus(("NVIDIA GeForce RTX 3060", "Tesla T4"), True)
    assert find_nvidia_gpus(root, smi) == expected
    write(root, driver(INFORMATION))
    assert find_nvidia_gpus(root, smi).names == ("NVIDIA A10",)


def test_an_nvidia_smi_that_fails_tells_nothing(tmp_path):
    smi = program(tmp_path / "nvidia-smi", "GPU 0: X (UUID: Y)\\nno driver\\n", code=9)
    write(tmp_path, pci(0))
    assert find_nvidia_gpus(tmp_path, smi) == NvidiaGpus(NAMED, False)
    (tmp_path / "nvidia-smi").write_text("no program")
    assert find_nvidia_gpus(tmp_path, smi) == NvidiaGpus(NAMED, False)
