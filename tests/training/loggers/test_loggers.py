"""Each backend keeps what it is told, read back by its own means."""

import importlib.util
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from matplotlib.figure import Figure

from open_seq2seq.errors import InputError
from open_seq2seq.training.loggers import EVAL, check_loggers, make_loggers

SAMPLES = np.sin(np.arange(1600) / 10).astype(np.float32) / 2


def tell(logger):
    """All kinds of things, as a training tells them."""
    figure = Figure(figsize=(1, 1))
    figure.add_subplot().plot([0, 1], [0, 1])
    logger.config({"max_steps": 10, "encoder": "TDNNEncoder", "lr_policy_params": {"rate": 0.1}})
    logger.scalars(5, {"loss": 2.5, "learning_rate": 0.1})
    logger.scalars(5, {"loss": 3.5, "wer": 1.0}, EVAL)
    logger.scalars(10, {"loss": 1.25})
    logger.histograms(10, {"variables/kernel": np.arange(10.0)})
    logger.text(10, "sample_1/text", "target: <one> | two")
    logger.figure(10, "sample_1/spectrogram", figure)
    logger.audio(10, "sample_1/audio", SAMPLES, 16000)
    logger.flush()
    logger.close()


def test_csv_is_read_by_pandas(tmp_path):
    (logger,) = make_loggers(["csv", "csv"], tmp_path, 0)
    tell(logger)
    table = pd.read_csv(tmp_path / "metrics.csv")
    curves = table.pivot(index="step", columns=["part", "name"], values="value")
    assert curves["train", "loss"].tolist() == [2.5, 1.25]
    assert curves["eval", "wer"].dropna().to_dict() == {5: 1.0}
    samples = tmp_path / "logged_samples/step-10/sample_1"
    assert (samples / "text.md").read_text() == "target: <one> | two\n"
    assert (samples / "spectrogram.png").read_bytes().startswith(b"\x89PNG")
    kept, rate = soundfile.read(samples / "audio.wav", dtype="float32")
    assert rate == 16000 and np.abs(kept - SAMPLES).max() < 2**-15


def test_csv_of_a_run_that_goes_on_has_each_step_once(tmp_path):
    (logger,) = make_loggers(["csv"], tmp_path, 0)
    for step in (5, 10, 15):
        logger.scalars(step, {"loss": float(step)})
    with (tmp_path / "metrics.csv").open("a") as file:
        file.write("20,train,lo")  # where the process was killed
    (logger,) = make_loggers(["csv"], tmp_path, 10)
    logger.scalars(15, {"loss": -1.0})
    table = pd.read_csv(tmp_path / "metrics.csv")
    assert table.step.tolist() == [5, 10, 15] and table.value.tolist() == [5, 10, -1]


def test_tensorboard_is_read_by_tensorboard(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (logger,) = make_loggers(["tensorboard"], tmp_path, 0)
    tell(logger)
    parts = {}
    for part in (".", "eval"):
        events = EventAccumulator(str(tmp_path / part), size_guidance={"tensors": 0})
        parts[part] = events.Reload()
    train, evaluation = parts["."], parts["eval"]
    assert set(train.Tags()["tensors"]) == {"config", "loss", "learning_rate", "variables/kernel"}
    assert [event.step for event in train.Tensors("loss")] == [5, 10]
    (config,) = train.Tensors("config")[0].tensor_proto.string_val
    assert b"| max_steps | `10` |" in config
    plugins = {
        name: evaluation.SummaryMetadata(f"sample_1/{name}").plugin_data.plugin_name
        for name in ("text", "spectrogram", "audio")
    }
    assert plugins == {"text": "text", "spectrogram": "images", "audio": "audio"}


def test_a_package_that_is_missing_is_said_with_the_extra(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError) as found:
        check_loggers(["csv", "wandb", "mlflow"])
    message = str(found.value)
    assert "open-seq2seq[wandb]" in message and "open-seq2seq[mlflow]" in message
    assert "csv" not in message


@pytest.mark.slow
@pytest.mark.skipif(not importlib.util.find_spec("mlflow"), reason="needs the package mlflow")
def test_mlflow_is_read_by_mlflow(tmp_path, monkeypatch):
    from mlflow import MlflowClient

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "digits")
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "runs/one"
    for _ in range(2):  # a run that goes on
        (logger,) = make_loggers(["mlflow"], folder, 0)
        tell(logger)
    client = MlflowClient()
    (run,) = client.search_runs([client.get_experiment_by_name("digits").experiment_id])
    assert run.info.run_name == "one" and run.info.status == "FINISHED"
    assert run.data.params["max_steps"] == "10"
    history = client.get_metric_history(run.info.run_id, "train/loss")
    assert {(point.step, point.value) for point in history} == {(5, 2.5), (10, 1.25)}
    files = {file.path for file in client.list_artifacts(run.info.run_id, "step-10/sample_1")}
    assert {file.rpartition("/")[2] for file in files} == {
        "text.md",
        "spectrogram.png",
        "audio.wav",
    }
    config = client.download_artifacts(run.info.run_id, "config.json", str(tmp_path))
    assert json.loads(Path(config).read_text())["encoder"] == "'TDNNEncoder'"


@pytest.mark.slow
@pytest.mark.skipif(not importlib.util.find_spec("wandb"), reason="needs the package wandb")
def test_wandb_writes_offline(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    folder = tmp_path / "one"
    for step in (0, 10):  # the second goes on
        (logger,) = make_loggers(["wandb"], folder, step)
        tell(logger)
        time.sleep(1.1)  # its folders are named by the second
    identity = (folder / "wandb_run.txt").read_text().strip()
    *_, log = sorted((folder / "wandb").glob(f"offline-run-*/run-{identity}.wandb"))
    media = {file.suffix for file in log.parent.glob("files/media/**/*") if file.is_file()}
    assert {".png", ".wav", ".html"} <= media
    written = log.read_bytes()  # records of protocol buffers, names and values as text
    for text in (b"train/loss", b"eval/wer", b"3.5", b"1.25", b"max_steps"):
        assert text in written, text
