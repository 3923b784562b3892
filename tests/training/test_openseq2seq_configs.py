"""OpenSeq2Seq's configs from training to transcripts, through the command line."""

from pathlib import Path

import pandas as pd
import pytest

from open_seq2seq.cli import main

FOLDER = Path(__file__).parents[1] / "config" / "openseq2seq_configs"


@pytest.fixture
def run(tmp_path, monkeypatch, capfd):
    """Calls run.py with an old config in an empty working directory."""
    monkeypatch.chdir(tmp_path)

    def call(name, *arguments):
        code = main([f"--config_file={FOLDER / name}", *arguments])
        captured = capfd.readouterr()
        assert code == 0, captured.err
        return captured.out

    return call


def test_a_config_trains_evaluates_and_transcribes_without_a_changed_line(run):
    out = run("w2l_first_release.py", "--mode=train_eval")
    assert (
        "*** num_gpus 2, use_horovod: trains in one process on one device, so a step has 4 "
        "utterances, not 8 (--iter_size=2 gives it as many). `mpiexec -np N" in out
    )
    assert out.count("decoder_params/decoder_library_path: no effect here") == 1
    assert "Finished training: 4 steps" in out and "Validation WER:" in out
    assert Path("w2l_log_folder/ckpt-4").is_dir()

    out = run("w2l_first_release.py", "--mode=eval")
    assert "Validation WER:" in out and "trains in one process" not in out
    assert "use_language_model without lm_path: beam search without a language model." in out

    run("w2l_first_release.py", "--mode=infer", "--infer_output_file=transcripts.csv")
    transcripts = pd.read_csv("transcripts.csv")
    assert list(transcripts.columns) == ["wav_filename", "predicted_transcript"]
    assert len(transcripts) == 10


@pytest.mark.parametrize(
    "name", ["ds2_gru.py", pytest.param("lstm_mfcc.py", marks=pytest.mark.slow)]
)
def test_recurrent_configs_train_and_transcribe(run, name):
    toy = "open_seq2seq/test_utils/toy_speech_data/toy_data.csv"
    common = [f"--data_layer_params/dataset_files=['{toy}']", "--logdir=log"]
    out = run(name, "--mode=train", "--num_epochs=None", "--max_steps=2", *common)
    assert "Finished training: 2 steps" in out
    run(name, "--mode=infer", "--infer_output_file=transcripts.csv", *common)
    assert len(pd.read_csv("transcripts.csv")) == 10
