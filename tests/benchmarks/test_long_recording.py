"""Short runs of the benchmark of long recordings."""

import json

import numpy as np
import pytest

from benchmarks import long_recording
from benchmarks.long_recording import lines_of, measure, recording
from open_seq2seq.exported import ExportedModel
from tests.exported_models import FRAME_SHIFT, write_exported


@pytest.fixture
def folder(tmp_path):
    """A small exported model."""
    write_exported(tmp_path / "model")
    return tmp_path / "model"


def job_of(folder, seconds):
    (name,) = (name for name, one in ExportedModel.read(folder).files.items() if one.is_model)
    return {"folder": str(folder), "file": name, "runtime": "onnxruntime", "threads": 1,
            "seconds": seconds}  # fmt: skip


def test_a_recording_of_any_length():
    first, longer = recording(1.5, 8000), recording(500, 8000)
    assert first.dtype == np.float32 and len(first) == 12000 and len(longer) == 4000000
    np.testing.assert_array_equal(longer[:12000], first)
    assert np.abs(longer[-8000:]).max() > 0.01  # sound up to the end
    assert len(recording(1.5, 16000)) == 24000


def test_a_measurement(folder):
    found = measure(job_of(folder, 3.0))
    assert found["rows"] == pytest.approx(3.0 / FRAME_SHIFT, abs=1)
    assert found["seconds"] > 0
    assert found["peak_mb"] >= found["loaded_mb"] > 10


def test_the_growth_is_that_of_each_second_more():
    """600 MB for 10 minutes more than one, 6 GB for 100 more: 1 MB a second, all along."""
    figures = [
        {"seconds": 0.6, "loaded_mb": 40.0, "peak_mb": 100.0, "rows": 1},
        {"seconds": 6.6, "loaded_mb": 40.0, "peak_mb": 700.0, "rows": 1},
        {"seconds": 133.2, "loaded_mb": 40.0, "peak_mb": 6700.0, "rows": 1},
    ]
    lines = [line.split() for line in lines_of("litert", [60, 660, 6660], figures)]
    assert lines == [
        ["litert", "1", "10.00", "100", "1.000"],
        ["litert", "11", "10.00", "700", "1.000"],
        ["litert", "111", "20.00", "6700", "1.000"],
    ]


def test_the_command_line(folder, capsys, monkeypatch):
    """Lengths ascend, and each is a job of its own."""
    jobs = []

    def run(job):
        jobs.append(job)
        return json.loads(json.dumps(measure(job)))

    monkeypatch.setattr(long_recording, "run", run)
    long_recording.main([str(folder), "--minutes", "0.05", "0.02", "--threads", "2"])
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["runtime", "minutes", "ms/s", "peak", "MB", "MB/s"]
    assert [line.split()[:2] for line in lines] == [
        ["onnxruntime", "0.02"],
        ["onnxruntime", "0.05"],
    ]
    assert [(job["seconds"], job["threads"]) for job in jobs] == [(1.2, 2), (3.0, 2)]


def test_a_process_of_its_own(folder):
    found = long_recording.run(job_of(folder, 1.0))
    assert found["rows"] == pytest.approx(1.0 / FRAME_SHIFT, abs=1)
    with pytest.raises(RuntimeError, match=r"nowhere\.onnx"):
        long_recording.run({**job_of(folder, 1.0), "file": "nowhere.onnx"})
