"""Feature statistics by an engine: those of one process."""

from __future__ import annotations

import json

import numpy as np
import pytest

from open_seq2seq.cli import main
from open_seq2seq.commands.data.statistics_parts import measure_in_parts, training_data
from open_seq2seq.data.speech2text.measuring import measure_statistics
from tests.engines.test_parts import Here


@pytest.mark.parametrize("most", [None, 7])
def test_sums_of_parts_are_the_sum_of_all(corpus, tmp_path, most):
    (corpus / "5.wav").write_bytes(b"no sound")
    source = f"{corpus}/config.py", ("--data_layer_params/feature_norm=fixed",)
    data = training_data(*source)
    expected = measure_statistics(data, most)
    found = measure_in_parts(data, source, most, Here(), tmp_path, size=4)
    assert (found.recordings, found.note) == (expected.recordings, expected.note)
    assert found.problems == expected.problems
    assert found.statistics.frames == expected.statistics.frames
    np.testing.assert_allclose(found.statistics.mean, expected.statistics.mean, 1e-6)
    np.testing.assert_allclose(found.statistics.deviation, expected.statistics.deviation, 1e-6)


@pytest.mark.slow
def test_the_command_with_processes(corpus, tmp_path, capsys):
    command = ["data", "statistics", f"--config_file={corpus}/config.py"]
    assert main([*command, f"--output={tmp_path}/one.json"]) == 0
    flags = ["--engine=local", f"--parts={tmp_path}/parts", f"--output={tmp_path}/two.json"]
    assert main([*command, *flags]) == 0, capsys.readouterr().err
    one, two = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("one", "two"))
    assert one.keys() == two.keys()
    np.testing.assert_allclose(two["features_mean"], one["features_mean"], 1e-6)
