import json
import re

import numpy as np
import pytest

from open_seq2seq.commands.score import main
from open_seq2seq.kaldi_io import ArkWriter, read_table
from tests.scoring import kaldi_files as kaldi

LENGTHS = {"sp_b": 20, "sp_a": 7, "sp_c": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A DNN in text, an LSTM in binary, features, and reference scores of both."""
    folder = tmp_path_factory.mktemp("score")
    random = np.random.default_rng(0)

    def affine(out, width):
        weight = random.normal(size=(out, width)).astype(np.float32) / 2
        return weight, random.normal(size=out).astype(np.float32) / 4

    layers = [affine(16, 6), affine(16, 16), affine(9, 16)]
    kaldi.write_text_dnn(folder / "dnn.nnet", layers)
    parts = kaldi.lstm_parts()
    kaldi.write_lstm(folder / "lstm.nnet", parts)
    features, dnn, lstm = {}, {}, {}
    for key, frames in LENGTHS.items():
        features[key] = (random.normal(size=(frames, 6)) * 2).astype(np.float32)
        dnn[key] = kaldi.dnn_by_hand(features[key], layers).astype(np.float32)
        lstm[key] = kaldi.lstm_by_hand(features[key], parts).astype(np.float32)
    for name, arrays in (("feats", features), ("dnn", dnn), ("lstm", lstm)):
        with ArkWriter(folder / f"{name}.ark", scp=folder / f"{name}.scp") as out:
            for key, array in arrays.items():
                out.write(key, array)
        np.savez(folder / f"{name}.npz", **arrays)
    counts = " ".join(str(n) for n in range(1, 10))
    (folder / "counts").write_text(f"[ {counts} ]\n")
    return folder


@pytest.fixture
def score(folder, capsys, monkeypatch):
    """Runs the command in the folder; gives the exit code, and what it wrote."""
    monkeypatch.chdir(folder)

    def run(line):
        code = main(line.split())
        out, error = capsys.readouterr()
        return code, out, error

    return run


@pytest.mark.parametrize("line", [
    "-m dnn.nnet -i feats.ark -r dnn.ark",
    "-m dnn.nnet -i feats.scp -r dnn.npz -d CPU -bs 2",
    "--model dnn.nnet --input feats.npz --reference dnn.scp --device CPU --batch_size 8",
    "-m dnn.nnet -i input=feats.ark -r output=dnn.ark -layout [NC]",
    "-m dnn.nnet -i ark:feats.ark -r scp:dnn.scp -bs=3",
    "-m dnn.nnet -i feats.ark -iname input -r dnn.ark -oname output -nthreads 1 -qb 16 -sf 2048",
    "-m lstm.nnet -i feats.ark -r lstm.ark -bs 2",
    "-m lstm.nnet -i feats.ark -r lstm.ark -d GNA_SW_FP32 -p plugin -l ext.so",
])  # fmt: skip
def test_command_lines_of_the_sample(score, line):
    code, out, _ = score(f"{line} --max-error 1e-5 --avg_error 1e-6")
    assert code == 0, out
    assert "[ INFO ] PASSED: the scores are within the tolerance." in out
    assert "over 3 utterances, 28 frames" in out


def test_lines_are_those_of_the_sample(score):
    _, out, _ = score("-m dnn.nnet -i feats.ark -r dnn.ark")
    wanted = [
        "Creating OpenVINO Runtime Core",
        "Reading the model: dnn.nnet",
        "Loading the model to the plugin",
        "Starting inference in synchronous mode",
        "",
        "Utterance 0 (sp_b):",
        r"Total time in Infer (HW and SW): \d+.\d\dms",
        "Frames in utterance: 20",
        r"Average Infer time per frame: \d+.\d\dms",
        "",
        "Output layer name: output",
        "Number scores per frame: 9",
        "",
        r"max error: 0.\d{7}",
        r"avg error: 0.\d{7}",
        r"avg rms error: 0.\d{7}",
        r"stdev error: 0.\d{7}",
        "",
        "Utterance 1 (sp_a):",
    ]
    lines = iter(out.splitlines())
    for pattern in wanted:  # in this order
        pattern = pattern.replace("(", r"\(").replace(")", r"\)")
        assert any(re.fullmatch(rf"\[ INFO \] ?{pattern}", line) for line in lines), pattern
    rest = "\n".join(lines)
    assert re.search(r"Total sample time: \d+.\d\dms\n.*Real-time factor: \d+\.\d+", rest)


@pytest.mark.parametrize(
    "name", ["out.ark", "out.npz", "ark,scp:out2.ark,out2.scp", "output=o.ark"]
)
def test_scores_are_written_as_float32_in_the_files_order(score, folder, name):
    code, out, _ = score(f"-m dnn.nnet -i feats.ark -o {name}")
    assert code == 0
    file = {"ark,scp:out2.ark,out2.scp": "scp:out2.scp", "output=o.ark": "o.ark"}.get(name, name)
    found = dict(np.load(file)) if file.endswith("npz") else dict(read_table(file))
    assert list(found) == list(LENGTHS)
    with np.load(folder / "dnn.npz") as expected:
        for key, array in found.items():
            assert array.dtype == np.float32
            assert np.abs(array - expected[key]).max() < 1e-5
    assert f'Saving results from "output" layer to {name.removeprefix("output=")}' in out


def test_scores_too_far_off_end_with_1_and_say_where(score):
    code, out, _ = score(
        "-m dnn.nnet -i feats.ark -r dnn.ark -d GNA_SW_EXACT -qb 8 --max_error 1e-5"
    )
    assert code == 1
    assert re.search(r"FAILED: output: max error 0\.\d{7} of sp_\w is above 1e-05", out)
    assert score("-m dnn.nnet -i feats.ark -r dnn.ark -d GNA_SW_EXACT -qb 8")[0] == 0


def test_what_cannot_be_compared_is_listed(score, folder):
    with np.load(folder / "dnn.npz") as arrays:
        other = {
            "sp_b": arrays["sp_b"][:-1],
            "sp_z": arrays["sp_a"],
            "sp_a": arrays["sp_a"] + np.nan,
        }
    np.savez(folder / "other.npz", **other)
    code, out, _ = score("-m dnn.nnet -i feats.ark -r other.npz --max_error 1 --quiet")
    assert code == 1
    assert "[ WARNING ] sp_z of the reference: there are no scores." in out
    assert "[ WARNING ] sp_c: not in the reference." in out
    assert "[ WARNING ] sp_b: 20 x 9 scores, 19 x 9 in the reference." in out
    assert "[ WARNING ] sp_a: 63 scores are NaN or infinite, here or there." in out
    assert "Utterance" not in out


@pytest.mark.parametrize("device", ["GNA_SW_EXACT", "GNA_AUTO", "HETERO:GNA,CPU"])
@pytest.mark.parametrize("bits", [8, 16])
def test_integer_arithmetic_is_near(score, device, bits):
    line = f"-m dnn.nnet -i feats.ark -r dnn.ark -d {device} -qb {bits} --json"
    code, out, _ = score(f"{line} --no_softmax --layer_report -bs 8")
    found = json.loads(out)
    assert code == 0
    largest = 16384 / found["scale_factors"]["input"]
    with np.load("feats.npz") as features:
        assert np.abs(features["sp_b"]).max() == pytest.approx(largest, rel=1e-6)
    assert [one["name"] for one in found["layers"]][-1].startswith("affinetransform")
    assert max(one["rms_error"] for one in found["layers"]) < 0.05
    assert found["precision"] == f"int{bits} weights, int16 activations"


def test_given_scale_factors_saturate_and_are_counted(score):
    _, out, _ = score("-m dnn.nnet -i feats.ark -r dnn.ark -d GNA_SW_EXACT -sf input=20000 -q user")
    assert "For input input using scale factor of 20000.0000000" in out
    assert re.search(r"\[ WARNING \] Numbers that did not fit and were cut: input.whole \d+", out)
    assert "Suggested scale factor for input: " in out


def test_a_compiled_model_gives_the_same(score):
    code, out, _ = score("-m dnn.nnet -i feats.ark -d GNA_AUTO -qb 8 -wg compiled.bin")
    assert code == 0 and "Utterance" not in out
    assert score("-m dnn.nnet -i feats.ark -o direct.npz -d GNA_AUTO -qb 8")[0] == 0
    assert score("-rg compiled.bin -i feats.ark -o imported.npz -d GNA_AUTO")[0] == 0
    with np.load("direct.npz") as direct, np.load("imported.npz") as imported:
        assert all(np.array_equal(direct[key], imported[key]) for key in LENGTHS)
    assert score("-m dnn.nnet -d GNA_AUTO -sf 2048 -wg without_features.bin")[0] == 0
    code, _, error = score("-m dnn.nnet -d GNA_AUTO -wg none.bin")
    assert code == 2 and "-wg: found no -sf, expected scale factors" in error
    code, out, _ = score("-rg compiled.bin -i feats.ark -sf 20")
    assert "[ WARNING ] -sf: the scale factors are those of the compiled model." in out


def test_pieces_of_a_stream_keep_their_state(score, folder):
    with np.load(folder / "feats.npz") as features:
        whole = np.concatenate([features[key] for key in LENGTHS])
    expected = kaldi.lstm_by_hand(whole, kaldi.lstm_parts())
    assert score("-m lstm.nnet -i feats.ark -o stream.npz --no_reset_state")[0] == 0
    with np.load("stream.npz") as found:
        joined = np.concatenate([found[key] for key in LENGTHS])
    assert np.abs(joined - expected).max() < 1e-5


def test_counts_and_the_last_softmax(score, folder):
    line = "-m dnn.nnet -i feats.ark --apply_log --counts counts -o prior.npz"
    assert score(line)[0] == 0
    with np.load("dnn.npz") as posteriors, np.load("prior.npz") as found:
        shares = np.arange(1, 10) / 45
        for key in LENGTHS:
            assert np.abs(found[key] - (np.log(posteriors[key]) - np.log(shares))).max() < 1e-4


def test_a_wrong_context_is_said(score):
    _, out, _ = score("-m dnn.nnet -i feats.ark -r dnn.ark -cw_l 5 -cw_r 5 --max_error 1e-5")
    assert "-cw_l 5 -cw_r 5 is not the model's context, 0 and 0: that one is used." in out
    assert "PASSED" in out


@pytest.mark.parametrize(("line", "text"), [
    ("-m dnn.nnet -i none.ark", "none.ark"),
    ("-m none.nnet -i feats.ark", "The model cannot be read"),
    ("-m feats.npz -i feats.ark", "a ZIP archive \\(features in NPZ belong to -i\\)"),
    ("-m dnn.nnet -i dnn.ark", "sp_b: found 9 features a frame, expected 6"),
    ("-m dnn.nnet -i feats.ark,feats.ark", "found 2 for 1"),
    ("-m dnn.nnet -i feats.ark -o out.txt", "-o: found out.txt, expected a name that ends in"),
    ("-m dnn.nnet -i feats.ark -o feats.ark/out.ark", "feats.ark is a file, not a folder"),
    ("-m dnn.nnet -i feats.ark -o other=out.ark", "found other"),
    ("-m dnn.nnet -i feats.ark -d GNA_HW", "GNA's hardware"),
    ("-m dnn.nnet -i feats.ark -d GNA_AUTO -sf -3", "-sf: found -3, expected a number above 0"),
    ("-m dnn.nnet -i feats.ark -pwl_me 101", "-pwl_me: found 101, expected percent"),
    ("-m dnn.nnet -i feats.ark -bs 0", "-bs: found 0"),
    ("-m dnn.nnet -i feats.ark -we image.bin", "a firmware image"),
    ("-m dnn.nnet -i feats.ark -q dynamic", "-q dynamic"),
    ("-m dnn.nnet -i feats.ark --max_error 1", "no -r"),
    ("-rg dnn.nnet -i feats.ark", "cannot import"),
    ("-m dnn.nnet -i feats.ark -layout [XY]", ""),
    ("-m dnn.nnet -i feats.ark --feature_transform lstm.nnet", "feature transform"),
])  # fmt: skip
def test_wrong_input_ends_in_a_sentence(score, line, text):
    code, _, error = score(line)
    if not text:  # Kaldi's models need no layout
        assert code == 0
        return
    assert code == 2
    assert re.search(text, error), error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    "line", ["-i feats.ark", "-m a -rg b -i feats.ark", "-m dnn.nnet", "-qb 4"]
)
def test_wrong_usage_ends_with_2(score, line):
    with pytest.raises(SystemExit) as end:
        score(line)
    assert end.value.code == 2


def test_a_chain_model_has_two_inputs_and_every_third_frame(score, folder):
    from tests.interop.kaldi.test_nnet3 import CASES

    CASES["tdnnf"].write(True).save(folder / "final.mdl")
    random = np.random.default_rng(1)
    with ArkWriter("ivectors.ark") as out:
        for key in reversed(LENGTHS):  # paired by key
            out.write(key, random.normal(size=3).astype(np.float32))
    line = "-m final.mdl --frame_subsampling_factor 3 --runtime numpy"
    assert score(f"{line} -i feats.ark,ivectors.ark -o o.ark")[0] == 0
    found = dict(read_table("o.ark"))
    assert {key: len(rows) for key, rows in found.items()} == {"sp_b": 7, "sp_a": 3, "sp_c": 1}
    line = "-m final.mdl --frame_subsampling_factor 3 -i ivector=ivectors.ark,input=feats.ark"
    code, out, _ = score(f"{line} -r output=o.ark -cw_l 4 -cw_r 4 -bs 3 --max_error 1e-4")
    assert code == 0, out
    assert "-cw_l 4 -cw_r 4: as the model needs" in out
    code, _, error = score("-m final.mdl -i feats.ark")
    assert code == 2 and "none for ivector" in error
