"""`open-seq2seq convert`: Kaldi's models in other formats, with the same scores."""

import numpy as np
import pytest

from open_seq2seq.commands.convert import main
from open_seq2seq.interop.kaldi import Evaluator, read_network
from open_seq2seq.interop.kaldi.prepare import with_priors
from tests.interop.kaldi.test_nnet1 import recurrent
from tests.interop.kaldi.test_nnet2 import model
from tests.interop.kaldi.test_nnet3 import CASES

PRIORS = np.array([0.1, 0.2, 0.3, 0.2, 0.1, 0.1], np.float32)


def test_a_model_as_onnx(tmp_path, capsys):
    import onnxruntime

    path = model(True, PRIORS).save(tmp_path / "final.mdl")
    output = tmp_path / "converted"
    assert main(["--model", str(path), "--output", str(output), "--formats", "onnx"]) == 0
    said = capsys.readouterr().out
    assert "input (5) -> output (6)" in said and "Context: 3 frames before, 4 after" in said
    assert "less the logarithms of priors from the model" in said
    x = np.random.default_rng(1).normal(size=(2, 12, 5)).astype(np.float32)
    session = onnxruntime.InferenceSession(str(output / "model.onnx"))
    (found,) = session.run(["output"], {"input": x})
    evaluator = Evaluator(with_priors(read_network(path)))
    expected = [evaluator({"input": rows})["output"] for rows in x]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_a_folder_that_is_there_stays(tmp_path, capsys):
    path = model(True).save(tmp_path / "final.mdl")
    arguments = ["--model", str(path), "--output", str(tmp_path), "--formats", "onnx"]
    assert main(arguments) == 2
    assert "a folder that is there" in capsys.readouterr().err
    assert path.exists()


def test_what_is_no_model(tmp_path, capsys):
    path = tmp_path / "final.mdl"
    path.write_bytes(b"\0B<Nonsense> ")
    assert main(["--model", str(path), "--output", str(tmp_path / "converted")]) == 2
    assert "is no network" in capsys.readouterr().err
    assert not (tmp_path / "converted").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nnet1", "nnet2", *sorted(CASES.keys() - {"replace-index"})])
def test_all_formats_give_the_same_scores(name, tmp_path, capsys):
    writer = {"nnet1": recurrent, "nnet2": model}.get(name) or CASES[name].write
    path = writer(True).save(tmp_path / "model")
    output = tmp_path / "converted"
    arguments = ["--model", str(path), "--output", str(output), "--frame_subsampling_factor", "2"]
    assert main(arguments) == 0, capsys.readouterr().err
    for file in ("model.onnx", "openvino/model.xml", "saved_model/saved_model.pb", "model.tflite"):
        assert (output / file).exists()
