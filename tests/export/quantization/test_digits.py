"""The packaged model of spoken digits, quantised: sizes, and error rates on its test recordings."""

from pathlib import Path

import pytest

from open_seq2seq.data.manifest import read_manifests
from open_seq2seq.data.manifest_recordings import ManifestRecordings
from open_seq2seq.export.exporter import Export
from open_seq2seq.export.quantization.ways import KINDS
from open_seq2seq.export.recordings import drawn_recordings
from open_seq2seq.inference.runtimes.openvino import has_bfloat16
from open_seq2seq.inference.trained import load_trained
from tests.export.quantization.models import front_end_constants

pytestmark = pytest.mark.slow  # minutes: each way is written and run at many lengths

DIGITS = Path(__file__).parents[3] / "example_data" / "digits"
# 100 of the 300 recordings: every third.
RECORDINGS = slice(None, None, 3)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The folder, and the rows by format and kind."""
    experiment = load_trained(DIGITS / "model" / "config.py")
    rows = read_manifests([str(DIGITS / "test.csv")], need_transcript=True)
    evaluation = ManifestRecordings(rows[RECORDINGS], 8000)
    calibration = drawn_recordings([str(DIGITS / "train.csv")], 8000)
    speech = drawn_recordings([str(DIGITS / "dev.csv")], 8000)[0]
    export = Export(experiment, speech, calibration=calibration, evaluation=evaluation)
    folder = tmp_path_factory.mktemp("exported") / "digits"
    kinds = [kind for kind in KINDS if kind != "bfloat16" or has_bfloat16()]
    return folder, {row.name: row for row in export.write(folder, quantize=kinds)}


def of_kind(rows, kind):
    return [row for row in rows.values() if (row.file.quantization or {}).get("kind") == kind]


def exact(rows, row):
    (found,) = [
        one
        for one in rows.values()
        if one.file.quantization is None and one.file.runtime == row.file.runtime
    ]
    return found


@pytest.mark.parametrize("kind", ["static_int8", "dynamic_int8"])
def test_int8(exported, kind):
    _, rows = exported
    found = of_kind(rows, kind)
    assert found
    for row in found:
        other = exact(rows, row)
        assert row.size < 0.3 * other.size
        assert row.file.error_rates["wer"] <= other.file.error_rates["wer"] + 0.007
        assert row.file.precision == "int8"


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_halves(exported, kind):
    _, rows = exported
    for row in of_kind(rows, kind):
        other = exact(rows, row)
        assert row.size < 0.55 * other.size
        assert row.file.error_rates == other.file.error_rates
        assert row.file.precision == kind


def test_error_rates_are_those_of_the_trained_model(exported):
    """That of the packaged model is 1.00 % on all 300: 3 words."""
    _, rows = exported
    for row in rows.values():
        assert row.file.error_rates["utterances"] == 100
        if row.file.quantization is None:
            assert row.file.error_rates == rows["model.onnx"].file.error_rates
    assert rows["model.onnx"].file.error_rates["wer"] <= 0.03


def test_the_front_end_is_that_of_float32(exported):
    folder, rows = exported
    for row in rows.values():
        if row.file.quantization is not None:
            found = front_end_constants(folder / row.name)
            expected = front_end_constants(folder / exact(rows, row).name)
            assert len(found) == len(expected) >= 3
            assert all((one == other).all() for one, other in zip(found, expected))
