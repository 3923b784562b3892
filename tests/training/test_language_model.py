"""A neural language model from text to rescored n-best lists, through the command line."""

import json
import re
import runpy
import textwrap
from pathlib import Path

import numpy as np
import pytest

from open_seq2seq.cli import main
from open_seq2seq.errors import InputError
from open_seq2seq.inference.language_model_scorer import LanguageModelScorer

ROOT = Path(__file__).parents[2]
CONFIG = """
    from open_seq2seq.data import TextDataLayer
    from open_seq2seq.encoders import LSTMLMEncoder
    from open_seq2seq.losses import CrossEntropyLoss
    from open_seq2seq.models import NeuralLanguageModel
    from open_seq2seq.optimizers.lr_policies import fixed_lr

    base_model = NeuralLanguageModel
    base_params = {{
        "random_seed": 1,
        "logdir": "{folder}/run",
        "batch_size_per_gpu": 8,
        "max_steps": 40,
        "print_loss_steps": 10,
        "print_samples_steps": 20,
        "save_summaries_steps": 10,
        "save_checkpoint_steps": 20,
        "eval_steps": 20,
        "optimizer": "Adam",
        "optimizer_params": {{}},
        "lr_policy": fixed_lr,
        "lr_policy_params": {{"learning_rate": 0.03}},
        "max_grad_norm": 1.0,
        "encoder": LSTMLMEncoder,
        "encoder_params": {{"hidden_size": 12, "num_layers": 1, "dropout_keep_prob": 1.0}},
        "loss": CrossEntropyLoss,
        "data_layer": TextDataLayer,
        "data_layer_params": {{
            "vocab_file": "{folder}/run/words.txt", "vocab_size": 20, "lower_case": True}},
    }}
    train_params = {{"data_layer_params": {{"dataset_files": ["{folder}/train.csv"]}}}}
    eval_params = {{"data_layer_params": {{"dataset_files": ["{folder}/held_out.txt"]}}}}
"""
# Each word has one successor, and each sentence two ways to begin.
SENTENCES = ["the cat sat down", "A dog ran away"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with text, and a model trained on it with evaluations."""
    folder = tmp_path_factory.mktemp("lm")
    rows = "".join(f"x,{SENTENCES[i % 2]}\n" for i in range(32))
    (folder / "train.csv").write_text("wav_filename,transcript\n" + rows)
    (folder / "held_out.txt").write_text("the cat sat down\na dog ran far away\n")
    (folder / "config.py").write_text(textwrap.dedent(CONFIG).format(folder=folder))
    assert main([f"--config_file={folder / 'config.py'}", "--mode=train_eval"]) == 0
    return folder


def evaluations(folder):
    return [json.loads(line) for line in (folder / "run/evaluations.jsonl").open()]


def test_perplexity_is_recorded_and_the_best_checkpoint_kept(trained):
    _, last = evaluations(trained)
    assert last["perplexity"] == pytest.approx(np.exp(last["loss"]))
    # A model that had learned nothing would have the vocabulary's size, 10.
    assert last["perplexity"] < 5
    best = json.loads((trained / "run/best_models/best.json").read_text())
    assert best["metric"] == "loss"
    words = (trained / "run/words.txt").read_text().split()
    assert words[:2] == ["<S>", "<UNK>"] and set(words[2:]) == set(
        " ".join(SENTENCES).lower().split()
    )


def test_evaluation_says_what_training_recorded(trained, capfd):
    capfd.readouterr()
    assert main([f"--config_file={trained / 'config.py'}", "--mode=eval"]) == 0
    output = capfd.readouterr().out
    assert f"Validation perplexity:  {evaluations(trained)[-1]['perplexity']:.4f}" in output
    assert "over 11 tokens of 2 lines" in output
    assert "1 tokens are not in the vocabulary (9.09%)" in output


def test_training_goes_on_as_if_it_had_not_stopped(trained, tmp_path, capfd):
    arguments = [f"--config_file={trained / 'config.py'}", "--mode=train"]
    assert main([*arguments, f"--logdir={tmp_path / 'cut'}", "--max_steps=7"]) == 0
    again = [*arguments, f"--logdir={tmp_path / 'cut'}", "--continue_learning", "--max_steps=40"]
    assert main(again) == 0
    from open_seq2seq.checkpoints.storage import MODEL, read_arrays

    whole = read_arrays(trained / "run/ckpt-40" / MODEL)
    cut = read_arrays(tmp_path / "cut/ckpt-40" / MODEL)
    for name, values in whole.items():
        np.testing.assert_allclose(cut[name], values, atol=1e-5, err_msg=name)


def test_what_a_language_model_has_no_use_for_is_said(trained, capfd):
    arguments = [f"--config_file={trained / 'config.py'}"]
    assert main([*arguments, "--mode=infer", "--infer_output_file=x"]) == 2
    assert "scripts/rescore.py" in capfd.readouterr().err
    assert main([*arguments, "--mode=eval", "--eval_report=x.html"]) == 2
    assert main([*arguments, "--mode=eval", "--data_layer_params/lower_case=False"]) == 2
    assert "data_layer_params/lower_case: found False" in capfd.readouterr().err


def test_scores_are_sums_over_the_models_logits(trained):
    scorer = LanguageModelScorer.load(trained / "config.py")
    texts = ["the cat sat down", "A  dog", "", "down sat zebra", "the cat sat down"]
    scores = scorer.log_probabilities(texts)
    words = (trained / "run/words.txt").read_text().split()
    for text, score in zip(texts, scores):
        ids = [words.index(w) if w in words else 1 for w in text.lower().split()]
        inputs = np.array([[0, *ids]], np.int32)
        logits = np.asarray(
            scorer._experiment.model(inputs, np.array([len(ids) + 1], np.int32))[0][0], np.float64
        )
        expected = 0.0
        for step, target in enumerate([*ids, 0]):
            expected += logits[step, target] - np.log(np.exp(logits[step]).sum())
        assert score == pytest.approx(expected, abs=1e-4)
    assert scores[0] == scores[4] > scores[3]


@pytest.fixture
def nbest(tmp_path):
    """Four utterances, whose right text the decoder has second."""
    lines = []
    cat, dog = ("the cat sat ran", "the cat sat down"), ("dog dog ran away", "a dog ran away")
    for number, (wrong, right) in enumerate([cat, dog, dog, cat]):
        hypotheses = [
            {"text": wrong, "score": -4.0, "acoustic_score": -3.5, "lm_score": -0.5},
            {"text": right, "score": -4.5, "acoustic_score": -4.0, "lm_score": -0.5},
        ]
        lines.append(
            {
                "wav_filename": f"{number}.wav",
                "reference": right,
                "text": wrong,
                "nbest": hypotheses,
            }
        )
    path = tmp_path / "nbest.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def rescore(*arguments):
    return runpy.run_path(str(ROOT / "scripts/rescore.py"))["main"]([str(a) for a in arguments])


def test_rescoring_finds_the_right_texts(trained, nbest, capfd):
    output, table = nbest.with_name("out.jsonl"), nbest.with_name("out.csv")
    config = f"--config_file={trained / 'config.py'}"
    assert rescore("--nbest", nbest, config, "--halves", "--output", output, "--csv", table) == 0
    said = capfd.readouterr().out
    assert "On the other 2 utterances" in said
    assert "decoder: WER 25.00% (2 of 8)" in said and "rescored: WER 0.00% (0 of 8)" in said
    assert "oracle of the lists: WER 0.00%" in said
    records = [json.loads(line) for line in output.open()]
    assert [record["text"] for record in records] == [record["reference"] for record in records]
    for record in records:
        scores = [one["score"] for one in record["nbest"]]
        assert record["score"] == scores[0] == max(scores) and len(scores) == 2
    assert table.read_text().splitlines()[1] == "0.wav,the cat sat down"


def test_words_that_the_neural_model_does_not_know_are_counted(trained, nbest, capfd):
    config, text = f"--config_file={trained / 'config.py'}", nbest.read_text()
    arguments = ("--nbest", nbest, config, "--nlm_weight=0.5")
    assert rescore(*arguments) == 0
    assert "<UNK>" not in capfd.readouterr().out
    nbest.write_text(text.replace("down", "DOWNE").replace("away", "awaye"))
    assert rescore(*arguments) == 0
    said = capfd.readouterr().out
    assert "2 of 8 different words of the hypotheses are not in the language model's" in said
    assert "count as <UNK>: 'downe', 'awaye'." in said
    nbest.write_text(re.sub('"text": "[^"]*"', '"text": "le chat"', text))
    assert rescore(*arguments) == 2
    said = capfd.readouterr().err
    assert "none of the 2 different words of the hypotheses ('le', 'chat')" in said


def test_openseq2seqs_rule_and_dump(trained, tmp_path, capfd):
    dump, output = tmp_path / "beams.txt", tmp_path / "with_lm.txt"
    dump.write_text(
        "B=>>>>>>>>\n-4.0 0.0 0.0 the cat sat ran\n-4.5 0.0 0.0 the cat sat down\nE=>>>>>>>>\n"
    )
    (tmp_path / "labels.csv").write_text(
        "wav_filename,wav_filesize,transcript\na,0,the cat sat down\n"
    )
    config = f"--config_file={trained / 'config.py'}"
    arguments = ["--beam_dump", dump, config, "--openseq2seq", "--reference",
                 tmp_path / "labels.csv", "--beam_dump_with_lm", output]  # fmt: skip
    assert rescore(*arguments) == 0
    assert "lm 1, nlm 1, words 0" in capfd.readouterr().out
    scorer = LanguageModelScorer.load(trained / "config.py")
    nlm = scorer.log_probabilities(["the cat sat ran", "the cat sat down"])
    lines = [line.split("\t") for line in output.read_text().splitlines()[1:3]]
    assert [float(line[0]) for line in lines] == pytest.approx(nlm, abs=1e-5)
    assert lines[1][1:] == ["-4.5", "0.0", "0.0", "the cat sat down"]


def test_rescoring_needs_references_or_weights(trained, nbest, tmp_path, capfd):
    lines = [{**json.loads(line), "reference": None} for line in nbest.open()]
    nbest.write_text("".join(json.dumps(line) + "\n" for line in lines))
    config = f"--config_file={trained / 'config.py'}"
    assert rescore("--nbest", nbest, config) == 2
    assert "utterances without references" in capfd.readouterr().err
    assert rescore("--nbest", nbest, config, "--nlm_weight=0.5") == 0
    assert "lm 1, nlm 0.5, words 0" in capfd.readouterr().out


def test_a_speech_config_is_no_language_model():
    with pytest.raises(InputError, match="the config of a language model"):
        LanguageModelScorer.load(ROOT / "example_configs/speech2text/digits_jasper_mini.py")


def test_the_exported_model_scores_as_the_trained_one(trained, tmp_path):
    import onnxruntime

    folder, config = tmp_path / "lm", trained / "config.py"
    assert main(["export", f"--config_file={config}", f"--output={folder}"]) == 0
    description = json.loads((folder / "language_model.json").read_text())
    ids = {word: number for number, word in enumerate(description["symbols"])}
    words = [ids[word] for word in ["the", "cat", "sat", "down"]]
    tokens = np.array([[description["begin"], *words]], np.int32)
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
    (log_probs,) = session.run(["log_probs"], {"tokens": tokens})
    score = log_probs[0, range(5), [*words, description["end"]]].sum()
    expected = LanguageModelScorer.load(config).log_probabilities(["the cat sat down"])
    np.testing.assert_allclose(score, expected[0], atol=1e-4)
