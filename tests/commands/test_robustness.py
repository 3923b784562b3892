"""The command on a small trained model: what it prints, writes and ends with."""

import json
import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from open_seq2seq.cli import main as run
from tests.training.conftest import write_learned

main = runpy.run_path(str(Path(__file__).parents[2] / "scripts/robustness.py"))["main"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory, learned):
    """A folder with a corpus, a config and a model that has begun to learn."""
    return write_learned(tmp_path_factory.mktemp("robustness"), learned)


@pytest.fixture
def measure(trained, capfd):
    """Calls the script; returns exit code, stdout and stderr."""

    def call(*arguments):
        code = main([f"--config_file={trained / 'config.py'}", *map(str, arguments)])
        return code, *capfd.readouterr()

    return call


def table(output):
    """WER by condition, as printed."""
    rows = [line.split() for line in output.splitlines() if line.count(" % ") == 2]
    return {row[0]: float(row[1]) for row in rows}


def test_table_files_and_picture(trained, measure, tmp_path):
    choice = ["--conditions", "level", "silence_after_2s"]
    files = [
        "--output_file",
        tmp_path / "out" / "r.json",
        "--plot",
        tmp_path / "pictures" / "r.png",
    ]
    code, out, _ = measure(*choice, *files)
    assert code == 0
    content = json.loads((tmp_path / "out" / "r.json").read_text())
    names = [result["condition"] for result in content["results"]]
    assert names == ["clean", "silence_after_2s"] + [
        f"level_{x}dB" for x in ("-30", "-20", "-10", "+10")
    ]
    assert content["step"] == 60 and content["utterances"] == 18
    assert table(out) == {r["condition"]: round(r["wer"], 2) for r in content["results"]}
    for result in content["results"]:
        assert result["wer"] == pytest.approx(
            100 * result["word_errors"] / result["words"], abs=1e-3
        )
        change = result["wer"] - content["results"][0]["wer"]
        assert result["wer_increase"] == pytest.approx(change, abs=1e-3)
    assert (tmp_path / "pictures" / "r.png").read_bytes().startswith(b"\x89PNG")
    # Clean is what mode eval measures.
    summary = tmp_path / "eval.json"
    arguments = ["--mode=eval", f"--eval_summary={summary}"]
    assert run([f"--config_file={trained / 'config.py'}", *arguments]) == 0
    expected = json.loads(summary.read_text())
    clean = content["results"][0]
    assert clean["character_errors"] == expected["character_errors"] > 0
    assert clean["wer"] == pytest.approx(100 * expected["wer"], abs=1e-3)
    # And the conditions reach the model.
    silent = content["results"][1]
    assert silent["character_errors"] != clean["character_errors"]


def test_csv_limit_seed_and_data(trained, measure, tmp_path):
    output = tmp_path / "r.csv"
    dataset = ["--dataset", trained / "data.csv", "--checkpoint", trained / "run/ckpt-60"]
    draw = ["--conditions", "noise_white_10dB", "--limit", 5, "--seed", 3, "--output_file", output]
    assert measure(*dataset, *draw)[0] == 0
    first = pd.read_csv(output)
    assert first["condition"].tolist() == ["clean", "noise_white_10dB"]
    assert first["changed"].tolist() == [0, 1]
    assert measure(*dataset, *draw)[0] == 0
    pd.testing.assert_frame_equal(first, pd.read_csv(output))
    words = first["words"].iloc[0]
    assert words < pd.read_csv(trained / "data.csv")["transcript"].str.split().str.len().sum()


def test_limits_end_with_code_1(measure):
    chosen = ["--conditions", "level_-10dB", "speed"]
    code, out, _ = measure(*chosen, "--max_wer", "1000", "--max_increase", "speed=1000")
    assert code == 0 and "exceeded" not in out
    # The nearest limit counts: of the condition, its group, of all.
    limits = ["--max_wer", "1000", "speed=-1", "speed_1.1=1000", "--max_increase", "level=-1000"]
    code, out, _ = measure(*chosen, *limits)
    exceeded = [line for line in out.splitlines() if line.startswith("exceeded")]
    assert code == 1
    assert [line.split()[1] for line in exceeded] == ["level_-10dB:", "speed_0.9:"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--conditions", "silense"], "Did you mean silence?"),
        (["--output_file=r.txt"], "found .txt, expected one of .csv, .json"),
        (["--plot=r"], "found no ending"),
        (["--limit=0"], "at least 1 recording"),
        (["--max_wer=low"], "a number, or NAME=NUMBER"),
        (["--conditions", "level", "--max_wer", "speed=1"], "'speed', which is not measured"),
        (["--no_such_parameter=1"], "no_such_parameter"),
        (["--checkpoint=nowhere"], "nothing of that name"),
        (["--dataset", "nowhere.csv"], "nowhere.csv"),
    ],
)
def test_what_is_wrong_is_said(measure, arguments, expected):
    code, _, err = measure(*arguments)
    assert code == 2
    assert expected in err


def test_a_cache_of_features_is_not_used_for_changed_audio(trained, measure):
    cached = [
        "--data_layer_params/cache_features=True",
        f"--data_layer_params/cache_dir={trained / 'cache'}",
    ]
    chosen = ["--conditions", "silence_after_2s", "noise_white_10dB"]
    assert run([f"--config_file={trained / 'config.py'}", "--mode=eval", *cached]) == 0
    before = sorted((p, p.stat().st_mtime_ns) for p in (trained / "cache").rglob("*.np*"))
    plain, with_cache = measure(*chosen), measure(*chosen, *cached)
    assert before and table(plain[1]) == table(with_cache[1]) != {}
    after = sorted((p, p.stat().st_mtime_ns) for p in (trained / "cache").rglob("*.np*"))
    assert after == before


def test_a_bad_row_ends_it_or_is_left_out(trained, measure, tmp_path):
    rows = (trained / "data.csv").read_text().splitlines()
    manifest = tmp_path / "bad.csv"
    good = [f"{trained}/{row}" for row in rows[1:4]]
    manifest.write_text("\n".join([rows[0], *good, f"{trained}/missing.wav,0,ab"]) + "\n")
    arguments = ["--dataset", manifest, "--conditions", "level_-10dB"]
    code, _, err = measure(*arguments)
    assert code == 2 and "missing.wav" in err and "--skip_bad_rows" in err
    code, out, _ = measure(*arguments, "--skip_bad_rows")
    assert code == 0 and "missing.wav" in out and np.isfinite(table(out)["clean"])


def test_a_cut_recording_ends_it_or_is_left_out_of_all(trained, measure, tmp_path):
    """The header promises more than there is, so it is noticed when its turn comes."""
    rows = (trained / "data.csv").read_text().splitlines()
    whole = (trained / "0.wav").read_bytes()
    (tmp_path / "cut.wav").write_bytes(whole[: len(whole) // 2])
    manifest = tmp_path / "cut.csv"
    good = [f"{trained}/{row}" for row in rows[1:4]]
    manifest.write_text("\n".join([rows[0], *good, "cut.wav,0,ab"]) + "\n")
    arguments = ["--dataset", manifest, "--conditions", "level_-10dB"]
    code, _, err = measure(*arguments)
    assert code == 2 and "cut.wav" in err
    output = tmp_path / "r.csv"
    code, out, _ = measure(*arguments, "--skip_bad_rows", "--output_file", output)
    assert code == 0 and out.count("cut.wav") == 1
    words = sum(len(row.split(",")[2].split()) for row in good)
    assert pd.read_csv(output)["words"].tolist() == [words, words]


def test_a_place_that_cannot_be_written_is_said_before_any_work(measure):
    code, out, err = measure("--plot=/proc/nothing/r.png", "--conditions", "mp3")
    assert code == 1 and "/proc/nothing/r.png" in err and "clean" not in out
