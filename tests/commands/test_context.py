"""The table of what layers see: the same by both doors, and adding up."""

import math

import pytest

from open_seq2seq.cli import main
from tests.training.conftest import CONFIG, write_corpus

STREAMS = CONFIG.replace('"pad_to": 8,', '"gain": 1 / 32768, "feature_norm": "fixed",')


@pytest.fixture
def context(tmp_path, capfd):
    """Calls the command on a config; returns exit code, standard output and standard error."""

    def call(config, *arguments):
        write_corpus(tmp_path, config=config)
        code = main(["context", f"--config_file={tmp_path / 'config.py'}", *arguments])
        found = code, *capfd.readouterr()
        again = main([f"--config_file={tmp_path / 'config.py'}", "--help_context", *arguments])
        assert (again, *capfd.readouterr()) == found
        return found

    return call


def table(output):
    """Milliseconds before and after, by stage."""
    rows = [line.replace("  needs the whole utterance", "") for line in output.splitlines()[1:]]
    rows = rows[: rows.index("")]
    cells = [row.rsplit(maxsplit=2) for row in rows]
    return {
        name.strip(): [math.inf if cell == "all" else float(cell) for cell in two]
        for name, *two in cells
    }


def test_the_table_adds_up_and_the_latency_is_its_end(context):
    code, out, err = context(STREAMS)
    assert (code, err) == (0, "")
    rows = table(out)
    total = rows.pop("all")
    assert list(rows) == [
        "front-end: librosa logfbank, 20 ms",
        "normalisation: feature_norm fixed",
        "convnet_layers[0]: conv1d, 5 taps, stride 2",
        "convnet_layers[1]: 2 times conv1d, 5 taps",
    ]
    # The second block sees twice 2 frames of 20 ms on each side.
    assert rows["convnet_layers[1]: 2 times conv1d, 5 taps"] == [80, 80]
    for side in (0, 1):
        assert sum(row[side] for row in rows.values()) == pytest.approx(total[side], abs=0.2)
    assert "A row of log-probabilities comes each 20 ms." in out
    assert f"each waits for {total[1]:.1f} ms of sound after its place" in out


def test_overrides_count(context):
    code, out, _ = context(STREAMS, "--encoder_params/look_ahead_seconds=0.03")
    assert code == 0
    rows = table(out)
    assert sum(rows[name][1] for name in rows if "convnet" in name) == 30


def test_what_needs_the_whole_utterance_and_what_to_set(context):
    code, out, _ = context(CONFIG)
    assert code == 0 and out.count("  needs the whole utterance") == 2
    assert table(out)["all"] == [math.inf, math.inf]
    assert "only one of windows that overlap" in out
    assert "gain: found None" in out and "feature_norm: found" in out


def test_wrong_usage(tmp_path, capsys):
    assert main(["--exported=x", "--mode=infer", "--help_context"]) == 2
    assert "--help_context is of a --config_file" in capsys.readouterr().err
    assert main(["context", "--config_file=none.py"]) == 2
    assert "none.py" in capsys.readouterr().err
