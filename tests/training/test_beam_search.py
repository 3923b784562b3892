"""`use_language_model: True` in every mode of run.py, against decode.py on the same logits."""

import json
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from open_seq2seq.errors import InputError
from open_seq2seq.inference.recognizer import Recognizer
from open_seq2seq.runs.summary import read_summary
from tests.tiers import slow
from tests.training.conftest import TEXTS

ROOT = Path(__file__).parents[2]

ARPA = """\\data\\
ngram 1=9
ngram 2=3

\\1-grams:
-1.5	<unk>	0
0	<s>	-0.3
-0.9	</s>	0
-0.7	ab	-0.2
-0.7	ba	-0.2
-0.9	ca	-0.2
-1.0	cab	-0.2
-1.0	bac	-0.2
-1.2	b	-0.2

\\2-grams:
-0.2	ca b
-0.5	<s> ab
-0.5	<s> cab

\\end\\
"""


@pytest.fixture
def trained(corpus, learned):
    """The corpus with a checkpoint that has learned something, and a language model."""
    (corpus / "lm.arpa").write_text(ARPA)
    shutil.copytree(learned, corpus / "run")
    return corpus


def with_model(folder, *, alpha=0.6, beta=0.4, **more):
    params = {"use_language_model": True, "lm_path": folder / "lm.arpa", "alpha": alpha,
              "beta": beta, "beam_width": 32, **more}  # fmt: skip
    return [f"--decoder_params/{name}={value}" for name, value in params.items()]


def decode(*arguments):
    assert runpy.run_path(str(ROOT / "scripts/decode.py"))["main"](list(arguments)) == 0


@pytest.mark.parametrize("scoring", [slow("native_op"), "openseq2seq", slow("standard")])
def test_all_ways_to_decode_agree(trained, run, capfd, scoring):
    """eval, infer and the Python API by the binding; decode.py on the logits of the same model."""
    flags = with_model(trained, lm_scoring=scoring)
    logits, out = trained / "logits.pkl", trained / "out.csv"
    pickled = "--decoder_params/infer_logits_to_pickle=True"
    assert run("--mode=infer", f"--infer_output_file={logits}", pickled)[0] == 0
    assert run("--mode=infer", f"--infer_output_file={out}", *flags)[0] == 0
    transcripts = pd.read_csv(out, keep_default_na=False)
    assert list(transcripts.columns) == ["wav_filename", "predicted_transcript"]
    texts = list(transcripts["predicted_transcript"])

    decode(f"--logits={logits}", f"--labels={trained}/data.csv", f"--lm={trained}/lm.arpa",
           "--alpha=0.6", "--beta=0.4", "--beam_width=32", f"--scoring={scoring}",
           f"--output_file={trained}/u.csv")  # fmt: skip
    offline = pd.read_csv(trained / "u.csv", keep_default_na=False)
    assert list(offline["hypothesis"]) == texts

    capfd.readouterr()  # decode.py's own report has greedy figures
    summary = trained / "summary.json"
    code, printed, err = run("--mode=eval", f"--eval_summary={summary}", *flags)
    assert code == 0, err
    content = json.loads(summary.read_text())
    words = [len(text.split()) for text in offline["reference"]]
    assert content["word_errors"] == round(sum(offline["wer"] * words))
    assert set(content) == {"wer", "word_errors", "words", "cer", "character_errors", "characters",
                            "loss", "infinite_losses", "utterances", "audio_seconds",
                            "seconds"}  # fmt: skip
    assert "no effect here" not in printed and "greed" not in printed

    recognizer = Recognizer.load(trained / "config.py", flags)
    names = [f"{i}.wav" for i in range(6)]
    results = recognizer.transcribe([trained / name for name in names])
    assert [result.text for result in results] == texts[:6]
    assert all(r.score == pytest.approx(r.acoustic_score + r.lm_score) for r in results)
    assert len(set(texts)) > 1 and set(TEXTS) & set(texts)


def test_evaluation_during_training_has_the_language_model_of_its_mode(corpus, run):
    """Only eval_params ask for it; what is recorded is what --mode=eval finds later."""
    (corpus / "lm.arpa").write_text(ARPA)
    config = corpus / "config.py"
    params = {"use_language_model": True, "lm_path": str(corpus / "lm.arpa"), "alpha": 3.0,
              "beta": -2.0, "lm_scoring": "openseq2seq"}  # fmt: skip
    config.write_text(config.read_text() + f"\neval_params = {{'decoder_params': {params}}}\n")
    code, _, err = run("--mode=train_eval", "--max_steps=5", "--eval_steps=5")
    assert code == 0, err
    (record,) = map(json.loads, (corpus / "run/evaluations.jsonl").read_text().splitlines())
    rates = []
    for more in ([], ["--decoder_params/use_language_model=False"]):
        summary = corpus / "summary.json"
        assert run("--mode=eval", f"--eval_summary={summary}", *more)[0] == 0
        content = json.loads(summary.read_text())
        rates.append((content["wer"], content["cer"]))
    assert (record["wer"], record["cer"]) == rates[0] != rates[1]
    beam, greedy = read_summary(corpus / "run")["results"][-2:]
    assert beam["decoding"]["language_models"] == ["lm.arpa"]
    assert [beam["decoding"][name] for name in ("alpha", "beta")] == [3.0, -2.0]
    assert (greedy["wer"], greedy["decoding"]) == (rates[1][0], {"search": "greedy"})


def test_what_is_missing_is_said_before_training(corpus, run):
    (corpus / "alphabet.txt").write_text("# comment\n \na\nc\nb\nd\n")
    runs = 0

    def refused(**more):
        nonlocal runs
        runs += 1
        logdir = corpus / f"run{runs}"
        flags = with_model(corpus, **more)
        code, out, err = run("--mode=train_eval", f"--logdir={logdir}", *flags)
        assert code == 2 and "Train loss" not in out and not list(logdir.glob("ckpt-*"))
        return err

    err = refused(trie_path=corpus / "gone.trie")
    assert "decoder_params/lm_path" in err and "decoder_params/trie_path" in err
    (corpus / "lm.arpa").write_text("no model")
    assert "lm.arpa" in refused()
    (corpus / "lm.arpa").write_text(ARPA)
    err = refused(alphabet_config_path=corpus / "alphabet.txt")
    for line, found in ((4, "'c'"), (5, "'b'"), (6, "'d'")):
        assert f"alphabet.txt:{line}: found {found}" in err
    assert "Did you mean native_op?" in refused(lm_scoring="nativ_op")
    # Training alone needs no language model.
    assert run("--mode=train", "--max_steps=1", *with_model(corpus, lm_path="gone"))[0] == 0
    for mode in ("eval", "infer"):
        code, _, err = run(f"--mode={mode}", *with_model(corpus, lm_path="gone"))
        assert code == 2 and "no file gone" in err
    with pytest.raises(InputError, match="no file gone"):
        Recognizer.load(corpus / "config.py", with_model(corpus, lm_path="gone"))


def test_without_a_language_model_it_is_beam_search_and_says_so(trained, run):
    flag = "--decoder_params/use_language_model=True"
    code, out, err = run("--mode=eval", flag)
    assert code == 0, err
    assert "use_language_model without lm_path: beam search without a language model." in out
    recognizer = Recognizer.load(trained / "config.py", [flag])
    (result,) = recognizer.transcribe([trained / "2.wav"])
    assert result.acoustic_score == pytest.approx(result.score, abs=20) and result.words


@pytest.mark.slow
def test_words_that_the_symbols_cannot_spell_are_said(trained, run, capfd):
    odd = ARPA.replace("ngram 1=9", "ngram 1=11").replace(
        "-1.2\tb\t-0.2", "-1.2\tb\t-0.2\n-1.5\tx-ray\t0\n-1.5\tquay\t0"
    )
    (trained / "lm.arpa").write_text(odd)
    logits = trained / "logits.pkl"
    model = with_model(trained)
    dump = "--decoder_params/infer_logits_to_pickle=True"
    code, _, err = run("--mode=infer", f"--infer_output_file={logits}", dump, *model)
    assert code == 0, err
    note = "2 words of the language model or lexicon cannot be spelled"
    assert err.count(note) == 1 and "'x-ray'" in err and "'quay'" in err
    capfd.readouterr()
    decode(f"--logits={logits}", "--mode=infer", f"--lm={trained / 'lm.arpa'}", "--alpha=1",
           "--beta=1", f"--infer_output_file={trained / 'out.csv'}")  # fmt: skip
    assert capfd.readouterr().out.count(note) == 1


@pytest.mark.slow
def test_both_backends_transcribe_alike(trained):
    pytest.importorskip("jax")
    texts = []
    for backend in ("tensorflow", "jax"):
        out = trained / f"{backend}.csv"
        command = [sys.executable, str(ROOT / "run.py"), f"--config_file={trained}/config.py",
                   "--mode=infer", f"--infer_output_file={out}", *with_model(trained)]  # fmt: skip
        environment = {**os.environ, "KERAS_BACKEND": backend}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr
        texts.append(list(pd.read_csv(out, keep_default_na=False)["predicted_transcript"]))
    assert texts[0] == texts[1] and len(set(texts[0])) > 1
