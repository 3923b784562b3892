"""What a run leaves behind: readable, and enough to repeat it."""

import json
import os
import subprocess

from open_seq2seq.losses import CTCLoss
from open_seq2seq.runs import record


def test_values_become_readable():
    value = {"loss": CTCLoss, "layers": [{"stride": (2,)}], "rate": 0.5, "none": None}
    assert record.readable(value) == {
        "loss": "open_seq2seq.losses.ctc.CTCLoss",
        "layers": [{"stride": [2]}],
        "rate": 0.5,
        "none": None,
    }


def test_the_configuration_is_one_line_a_value_and_one_a_layer():
    text = record.config_text({"a": {"b": 1, "layers": [{"k": 3}, {"k": 5}]}, "c": "x"})
    assert text.splitlines() == [
        "a:",
        "  b: 1",
        "  layers:",
        "    - {'k': 3}",
        "    - {'k': 5}",
        "c: 'x'",
    ]


def test_the_record_holds_config_arguments_versions_and_git_state(tmp_path):
    repository = tmp_path / "repository"
    repository.mkdir()
    config = repository / "config.py"
    config.write_text("base_params = {}\n")
    for command in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=x", "-c", "user.email=x@y", "commit", "-qm", "first"],
    ):
        subprocess.run(["git", "-C", str(repository), *command], check=True)
    config.write_text("base_params = {'changed': 1}\n")
    arguments = ["--config_file", str(config), "--mode=train", "--continue_learning", "--x=1"]
    effective = {"train": {"random_seed": 5, "loss": CTCLoss}}
    path = record.store_run(tmp_path / "run", "now", config, arguments, effective)
    stored = json.loads(path.read_text())
    assert stored["arguments"] == arguments
    assert stored["repeat"][2:] == [
        f"--config_file={tmp_path / 'run/config_now.py'}",
        "--mode=train",
        "--x=1",
    ]
    copy = (tmp_path / "run/config_now.py").read_text()
    assert copy == f"{config.read_text()}\n# run.py: a copy of {config}\n"
    assert (
        len(stored["git"]["commit"]) == 40
        and "+base_params = {'changed': 1}" in stored["git"]["diff"]
    )
    assert stored["random_seed"] == {"train": 5} and "numpy" in stored["packages"]


def test_without_a_repository_there_is_no_commit(tmp_path):
    assert record.git_state(tmp_path)["commit"] is None


def test_the_hardware_is_what_the_system_says(monkeypatch):
    import tensorflow as tf

    found = record.hardware()
    assert 1 <= found["cores"] <= os.cpu_count() and found["processor"]
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: ["a", "b"])
    details = {"a": {"device_name": "NVIDIA H100"}, "b": {}}
    monkeypatch.setattr(tf.config.experimental, "get_device_details", details.get)
    assert record.hardware()["gpus"] == ["NVIDIA H100", "GPU"]


def test_a_copy_of_a_config_leads_to_the_original(tmp_path, monkeypatch):
    config = tmp_path / "mine.py"
    config.write_text("base_params = {}\n")
    record.store_run(tmp_path / "run", "now", config, [], {})
    copy = tmp_path / "run/config_now.py"
    assert record.original_config(copy) == config == record.original_config(config)
    monkeypatch.chdir(tmp_path)
    assert str(record.original_config(copy)) == "mine.py"
