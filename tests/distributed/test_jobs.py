"""Whole jobs of two and three workers, through the command line, against one process."""

import json
import pickle
import textwrap
from collections import defaultdict

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

from open_seq2seq.cli import main
from tests.distributed.jobs_worker import cut
from tests.distributed.processes import HERE, write_spied_corpus
from tests.training.test_beam_search import ARPA, with_model
from tests.training.test_language_model import CONFIG as TEXT_CONFIG
from tests.training.test_language_model import SENTENCES

# In global batches of 6: three, and one of a single row.
ROWS, STEPS = 19, 10
TRAINING = ["--mode=train_eval", "--enable_logs", f"--max_steps={STEPS}", "--eval_steps=5",
            "--save_checkpoint_steps=6", "--num_checkpoints=9"]  # fmt: skip


class Jobs:
    """The corpus, the jobs on it, and what one process makes of the same command lines."""

    def __init__(self, folder):
        self.folder = folder
        self.config = write_spied_corpus(folder, ROWS)
        (folder / "lm.arpa").write_text(ARPA)
        (folder / "same.csv").write_text(
            "wav_filename,wav_filesize,transcript\n" + 2 * f"{folder}/0.wav,0,ab\n"
        )
        self.list = defaultdict(list)

    def job(self, name, *arguments, config=None, workers=2, **more):
        """One job: its own folder is `name`, `{own}` in its arguments."""
        own = self.folder / name
        own.mkdir(parents=True)
        line = [f"--config_file={config or self.config}", "--use_horovod=True"]
        line += [a.replace("{own}", str(own)) for a in arguments]
        self.list[workers].append({"arguments": line, "folder": str(own), **more})
        return own

    def run(self, run_job, workers, **options):
        path = self.folder / f"jobs{workers}.json"
        path.write_text(json.dumps(self.list[workers]))
        code, output = run_job(HERE / "jobs_worker.py", path, processes=workers, timeout=560,
                               **options)  # fmt: skip
        assert code == 0, output
        return output

    def alone(self, name, *arguments, **more):
        """The same in this process."""
        own = self.job(name, *arguments, workers=1, **more)
        if "cut" in more:
            cut(*more["cut"])
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SPY_FOLDER", str(own))
            assert main(self.list[1][-1]["arguments"]) == 0
        return own

    def notes(self, name, rank):
        """{(epoch, number): (rows, frames)} of the training batches of a rank."""
        lines = (self.folder / name / f"rank{rank}.jsonl").read_text().splitlines()
        return {(e, n): (rows, frames) for e, n, rows, frames in map(json.loads, lines)}


EVALUATE = ["--mode=eval", "--enable_logs", "--eval_summary={own}/summary.json",
            "--eval_report={own}/report.txt"]  # fmt: skip
INFER = ["--mode=infer", "--enable_logs", "--infer_output_file={own}/out"]
LOGITS = "--decoder_params/infer_logits_to_pickle=True"
SAME = ["--mode=train", "--max_steps=3", "--batch_size_per_gpu=1", "--logdir={own}/log",
        "--data_layer_params/dataset_files=['{folder}/same.csv']",
        "--data_layer_params/augmentation={}", "--data_layer_params/dither=0.0",
        "--lr_policy_params/learning_rate=0.0"]  # fmt: skip
SCALED = ["--mode=train", "--max_steps=3", "--logdir={own}/log", "--lr_scaling=linear",
          "--batch_norm_statistics=synchronised",
          "--encoder_params/dropout_keep_prob=1.0"]  # fmt: skip


@pytest.fixture(scope="module")
def jobs(run_job, tmp_path_factory):
    """All jobs of two workers have run, in one launch."""
    made = Jobs(tmp_path_factory.mktemp("jobs_of_two"))
    folder = made.folder
    used = f"--logdir={folder}/whole/log"
    made.job("whole", *TRAINING, "--logdir={own}/log", "--batch_size_per_gpu=3")
    logs = [str(folder / part / "log/logs") for part in ("whole", "continued")]
    made.job("continued", *TRAINING, "--logdir={own}/log", "--batch_size_per_gpu=3",
             "--continue_learning", cut=[*logs, 6])  # fmt: skip
    made.job("eval", *EVALUATE, used, "--batch_size_per_gpu=3")
    made.job("beam", *EVALUATE, used, "--batch_size_per_gpu=3", *with_model(folder))
    made.job("infer", *INFER, used, "--batch_size_per_gpu=3")
    made.job("logits", *INFER, used, "--batch_size_per_gpu=3", LOGITS)
    made.job("one", *INFER, used, "--infer_files", str(folder / "2.wav"))
    made.output = made.run(run_job, 2)
    return made


@pytest.fixture(scope="module")
def more_jobs(jobs, run_job):
    """Further ones, in another launch."""
    made, folder = jobs, jobs.folder
    made.list[2].clear()
    same = [argument.replace("{folder}", str(folder)) for argument in SAME]
    made.job("same", *same)
    made.job("same_without_dropout", *same, "--encoder_params/dropout_keep_prob=1.0")
    made.job("scaled", *SCALED, "--batch_size_per_gpu=3")
    made.job("text", "--mode=train_eval", "--max_steps=10", "--eval_steps=5",
             config=write_text(folder))  # fmt: skip
    made.run(run_job, 2)
    return made


def write_text(folder):
    """A language model's config and data."""
    rows = "".join(f"x,{SENTENCES[i % 2]}\n" for i in range(33))
    (folder / "train.csv").write_text("wav_filename,transcript\n" + rows)
    (folder / "held_out.txt").write_text("the cat sat down\na dog ran far away\nthe dog\n")
    text = textwrap.dedent(TEXT_CONFIG).format(folder=folder)
    (folder / "text.py").write_text(text.replace(f"{folder}/run", f"{folder}/text/log"))
    return folder / "text.py"


def equal_files(one, other):
    first, second = load_file(one), load_file(other)
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(second[name], value, err_msg=name)


class TestTraining:
    def test_everything_is_written_once(self, jobs):
        logs = jobs.folder / "whole/log/logs"
        assert sorted(p.name for p in logs.glob("ckpt-*")) == ["ckpt-10", "ckpt-6"]
        steps = [json.loads(line)["step"] for line in (logs / "evaluations.jsonl").open()]
        assert steps == [5, 10]
        assert [len(list((logs / p).glob("events*"))) for p in (".", "eval")] == [1, 1]
        assert not list(jobs.folder.glob("whole/log/**/*.tmp"))
        own = jobs.output.split("; log directory ")[1]  # of the first run alone
        for line in ("Starting training from scratch", "Step 5: eval loss", "Done in "):
            assert own.count(line) == 1, line

    def test_every_utterance_is_seen_once_in_an_epoch(self, jobs):
        first, second = (jobs.notes("whole", rank) for rank in (0, 1))
        assert first.keys() == second.keys()
        for epoch in (0, 1):
            numbers = [key for key in first if key[0] == epoch]
            rows = [row for key in numbers for of in (first, second) for row in of[key][0]]
            assert len(numbers) == 4 and sorted(rows) == list(range(ROWS))
        for key, (_, frames) in first.items():
            assert second[key][1] == frames, key
        assert [] in [rows for rows, _ in second.values()], "no worker was without utterances"

    def test_going_on_from_a_checkpoint_changes_nothing(self, jobs):
        """Neither weights nor momentum, bit for bit, with dropout in both workers."""
        for file in ("model.safetensors", "optimizer.safetensors"):
            whole, continued = (
                jobs.folder / name / f"log/logs/ckpt-{STEPS}" / file
                for name in ("whole", "continued")
            )
            equal_files(whole, continued)
        assert min(jobs.notes("continued", 0)) == (1, 2)

    @pytest.mark.slow
    def test_workers_drop_different_units(self, more_jobs):
        """Both have the same recording in every step, and weights that do not change."""

        def losses(name):
            files = [more_jobs.folder / name / f"losses{rank}.jsonl" for rank in (0, 1)]
            return np.array([[json.loads(line) for line in file.open()] for file in files])

        dropped, kept = losses("same"), losses("same_without_dropout")
        assert dropped.shape == kept.shape == (2, 3, 1)
        np.testing.assert_allclose(kept[0], kept[1], rtol=1e-6)
        assert np.abs(dropped[0] - dropped[1]).min() > 1e-3

    @pytest.mark.slow
    def test_the_rate_is_scaled(self, more_jobs):
        """Two workers whose rate is scaled linearly are one with twice the batch and rate."""
        more_jobs.alone("scaled_alone", *SCALED, "--batch_size_per_gpu=6",
                   "--lr_policy_params/learning_rate=0.04")  # fmt: skip
        files = [
            load_file(more_jobs.folder / name / "log/ckpt-3/model.safetensors")
            for name in ("scaled", "scaled_alone")
        ]
        for name, value in files[1].items():
            if "seed_generator" not in name:
                np.testing.assert_allclose(files[0][name], value, atol=1e-5, err_msg=name)

    @pytest.mark.slow
    def test_a_language_model(self, more_jobs):
        logdir = more_jobs.folder / "text/log"
        records = [json.loads(line) for line in (logdir / "evaluations.jsonl").open()]
        assert [record["step"] for record in records] == [5, 10]
        assert all(np.isfinite(record["perplexity"]) for record in records)
        assert (logdir / "words.txt").exists() and (logdir / "ckpt-10").is_dir()


def summary(folder):
    numbers = json.loads((folder / "summary.json").read_text())
    del numbers["seconds"]
    return numbers


def report(folder):
    """Without the time, which is another one each time."""
    lines = (folder / "report.txt").read_text().splitlines()
    return [line for line in lines if not line.startswith("Date ")]


@pytest.fixture(scope="module")
def alone(jobs):
    """What one process evaluates and writes with the same checkpoint."""
    used = [f"--logdir={jobs.folder}/whole/log", "--batch_size_per_gpu=3"]
    jobs.alone("alone/eval", *EVALUATE, *used)
    jobs.alone("alone/beam", *EVALUATE, *used, *with_model(jobs.folder))
    jobs.alone("alone/infer", *INFER, *used)
    jobs.alone("alone/logits", *INFER, *used, LOGITS)
    return jobs.folder / "alone"


class TestEvaluation:
    @pytest.mark.parametrize("name", ["eval", "beam"])
    def test_as_one_process(self, jobs, alone, name):
        assert summary(jobs.folder / name) == pytest.approx(summary(alone / name), rel=1e-12)
        assert report(jobs.folder / name) == report(alone / name)

    def test_beam_search_was_used(self, alone):
        assert summary(alone / "beam")["loss"] == summary(alone / "eval")["loss"]
        assert report(alone / "beam") != report(alone / "eval")

    def test_transcripts(self, jobs, alone):
        expected = (alone / "infer/out").read_text()
        assert (jobs.folder / "infer/out").read_text() == expected
        table = pd.read_csv(alone / "infer/out", keep_default_na=False)
        assert list(table["wav_filename"]) == [f"{i}.wav" for i in range(ROWS)]

    def test_logits(self, jobs, alone):
        found, expected = (
            pickle.loads((folder / "logits/out").read_bytes()) for folder in (jobs.folder, alone)
        )
        assert list(found["logits"]) == list(expected["logits"])
        assert found["vocab"] == expected["vocab"]
        for name, value in expected["logits"].items():
            np.testing.assert_array_equal(found["logits"][name], value, err_msg=name)

    def test_one_recording_for_two_workers(self, jobs):
        table = pd.read_csv(jobs.folder / "one/out", keep_default_na=False)
        assert list(table["wav_filename"]) == [str(jobs.folder / "2.wav")]


@pytest.fixture(scope="module")
def three(jobs, run_job):
    """Jobs of three workers; the checkpoint is that of two."""
    logs = f"{jobs.folder}/whole/log/logs"
    line = [*TRAINING, "--logdir={own}/log", "--continue_learning"]
    for name, size in (("three", 2), ("three_other", 1)):
        target = f"{jobs.folder}/{name}/log/logs"
        jobs.job(name, *line, f"--batch_size_per_gpu={size}", workers=3, cut=[logs, target, 6])
    used = f"--logdir={jobs.folder}/whole/log"
    jobs.job("three/eval", *EVALUATE, used, "--batch_size_per_gpu=10", workers=3)
    jobs.output3 = jobs.run(run_job, 3, launcher="horovodrun")
    return jobs


@pytest.mark.slow
class TestOtherNumbersOfWorkers:
    def test_more_workers_than_batches(self, three):
        used = [f"--logdir={three.folder}/whole/log", "--batch_size_per_gpu=10"]
        own = three.alone("alone_of_ten", *EVALUATE, *used)
        assert summary(three.folder / "three/eval") == pytest.approx(summary(own), rel=1e-12)
        assert report(three.folder / "three/eval") == report(own)

    def test_the_same_batches_go_on_within_the_epoch(self, three):
        """6 = 3 x 2 = 2 x 3 = 1 x 6."""
        logs = [f"{three.folder}/{name}/log/logs" for name in ("whole", "one_goes_on")]
        three.alone("one_goes_on", *TRAINING, "--logdir={own}/log", "--continue_learning",
                    "--batch_size_per_gpu=6", cut=[*logs, 6])  # fmt: skip
        expected = three.notes("one_goes_on", 0)
        assert min(expected) == (1, 2)
        for name, workers in (("whole", 2), ("three", 3)):
            found = [three.notes(name, rank) for rank in range(workers)]
            assert {key for key in found[0] if key >= (1, 2)} == set(expected), name
            for key, (rows, frames) in expected.items():
                assert [of[key] for of in found] == [
                    (rows[rank::workers], frames) for rank in range(workers)
                ], (name, key)

    def test_others_start_the_epoch_again(self, three):
        assert three.output3.count("step 6") >= 2
        assert min(three.notes("three_other", 0)) == (1, 0)
        assert (three.folder / f"three_other/log/logs/ckpt-{STEPS}").is_dir()
