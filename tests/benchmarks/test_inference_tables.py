"""Ratios of `benchmarks/inference.py`, and what it prints."""

import math

import pytest

from benchmarks.inference_tables import print_network, ratios


def figures(short, long=None, difference=1e-6, **more):
    lengths = {"10": short} if long is None else {"10": short, "60": long}
    each = {s: {"wall": w, "difference": difference, "peak_mb": 90.0} for s, w in lengths.items()}
    return {"imported": 0.1, "loaded": 0.2, "first": 0.3, "imported_mb": 40.0, **each, **more}


FOUND = {
    "onnxruntime float32": figures(0.05, 0.4),
    "onnxruntime static_int8": figures(0.02, 0.1, difference=0.5),
    "litert float32": figures(0.08, 0.6),
    "litert dynamic_int8": figures(0.04),
    "network alone": figures(0.04, 0.32),
    "framework": figures(0.1, 0.8),
    "PyTorch eager": figures(0.09, 0.5),
    "PyTorch ONNX": figures(0.06, 0.7),
}


def test_ratios():
    found = {one.name: one for one in ratios(FOUND, [10, 60])}
    expected = {
        "PyTorch's best by ONNX Runtime float32": {10: 0.06 / 0.05, 60: 0.5 / 0.4},
        "the same without our front-end": {10: 0.06 / 0.04, 60: 0.5 / 0.32},
        "the framework by ONNX Runtime float32": {10: 2, 60: 2},
        "LiteRT by ONNX Runtime, float32": {10: 1.6, 60: 1.5},
        "onnxruntime: static_int8 by float32": {10: 0.4, 60: 0.25},
        "litert: dynamic_int8 by float32": {10: 0.5},
        "front-end, as a share of the network's time": {10: 0.25, 60: 0.25},
    }
    assert {name: one.values for name, one in found.items()} == {
        name: pytest.approx(values) for name, values in expected.items()
    }
    assert found["onnxruntime: static_int8 by float32"].aim == "at most 0.5"
    assert found["litert: dynamic_int8 by float32"].aim == ""


def test_what_was_not_measured_has_no_ratio():
    assert ratios({"litert float32": figures(0.1)}, [10]) == []
    only = {"onnxruntime float32": figures(0.1), "PyTorch compiled": figures(0.2, 0.5)}
    (ratio,) = ratios(only, [10, 60])
    assert ratio.values == {10: 2}


def test_the_table(capsys):
    print_network("net", 1234, 1, FOUND, [10.0, 60.0])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "net, 1,234 parameters, one thread"
    row = next(line for line in lines if line.startswith("litert float32")).split()
    assert row[2:6] == ["80.0", "600.0", "0.0080", "0.0100"]
    assert not any("WARNING" in line for line in lines)
    assert any("LiteRT by ONNX Runtime" in line and "at most 1.8" in line for line in lines)


def test_another_network_is_named(capsys):
    """Quantised ones differ; one in float32 that does is not the network that was asked for."""
    wrong = {**FOUND, "PyTorch eager": figures(0.01, difference=0.2)}
    print_network("net", 1234, 2, wrong, [10.0, 60.0])
    warnings = [line for line in capsys.readouterr().out.splitlines() if "WARNING" in line]
    assert warnings == ["WARNING: PyTorch eager is another network: its figures don't count."]


def test_unknown_memory_is_left_out(capsys):
    one = figures(0.1, imported_mb=math.nan)
    print_network("net", 1, 1, {"framework": one}, [10.0])
    assert "nan" not in capsys.readouterr().out
