"""scripts/decode.py, dump_to_time.py and calibrate_model.py from the command line."""

import csv
import io
import json
import pickle
import re
import runpy
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax

from ctc_decoder_with_lm.scorer_package import package_tail
from open_seq2seq.decoders.beam_search import make_beam_search
from open_seq2seq.metrics.error_rate import count_errors
from open_seq2seq.runs.summary import (
    greedy_decoding,
    read_summary,
    read_transcripts,
    write_summary,
)
from tests.ctc_decoder_with_lm.language_model_files import build_binary
from tests.stored_logits.small import ARPA, SYMBOLS, TEXTS, dump, manifest

ROOT = Path(__file__).parents[2]
GRID = ["--alpha=0", "--alpha_max=1", "--alpha_step=0.5", "--beta=-1", "--beta_max=1",
        "--beta_step=0.5"]  # fmt: skip


def script(name):
    return runpy.run_path(str(ROOT / "scripts" / name))["main"]


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    """A working directory with logits.pkl, labels.csv, vocab.txt and lm.arpa."""
    monkeypatch.chdir(tmp_path)
    Path("logits.pkl").write_bytes(pickle.dumps(dump()))
    Path("labels.csv").write_text(manifest(), encoding="utf-8")
    Path("vocab.txt").write_text("\n".join(SYMBOLS) + "\n", encoding="utf-8")
    Path("lm.arpa").write_text(ARPA, encoding="utf-8")
    return tmp_path


@pytest.fixture
def decode(corpus, capfd):
    """Calls decode.py with the corpus; returns what it printed."""
    main = script("decode.py")

    def call(*arguments, code=0, labels=True):
        given = ["--logits=logits.pkl", *(["--labels=labels.csv"] if labels else []), *arguments]
        found = main(given)
        out, err = capfd.readouterr()
        assert found == code, err
        return out if code == 0 else err

    return call


def decoded(alpha, beta, scoring="openseq2seq", language_model=True, **options):
    """What the binding makes of the same logits."""
    models = ["lm.arpa"] if language_model else []
    decoder = make_beam_search(SYMBOLS, models, scoring, 0.02)
    logits = list(dump()["logits"].values())
    options = {"beam_width": 128, **options}
    return decoder.decode_batch(logits, alpha=alpha, beta=beta, **options)


def wer(results):
    texts = [result.text.lower() for result in results]
    return count_errors([text.lower() for text in TEXTS], texts).words.rate


def test_a_single_point(decode):
    out = decode("--vocab=vocab.txt", "--lm=lm.arpa", "--alpha=0.5", "--beta=0.25")
    assert re.search(r"^Greedy WER = \d\.\d{4}$", out, re.MULTILINE)
    assert "Empty greedy predictions: 0 of 5" in out
    assert "alpha multiplies log10 probabilities" in out
    expected = wer(decoded(0.5, 0.25))
    assert f"alpha=0.50, beta=0.25: WER={expected:.4f}\n" in out
    assert f"BEST: alpha=0.50, beta=0.25, WER={expected:.4f}" in out
    assert 0 < expected < float(re.search(r"Greedy WER = ([\d.]+)", out)[1])


def test_every_point_of_an_exact_grid_is_that_of_the_binding(decode):
    out = decode("--lm=lm.arpa", *GRID, "--exact_grid", "--grid_file=grid.csv")
    grid = pd.read_csv("grid.csv")
    assert len(grid) == 15 and grid["exact"].all()
    for alpha, beta, rate in grid[["alpha", "beta", "wer"]].itertuples(index=False):
        assert rate == pytest.approx(wer(decoded(alpha, beta)), abs=1e-12), (alpha, beta)
        assert out.count(f"alpha={alpha:.2f}, beta={beta:.2f}: WER={rate:.4f}\n") == 1
    best = re.search(r"BEST: alpha=([-\d.]+), beta=([-\d.]+), WER=([\d.]+)", out)
    assert float(best[3]) == pytest.approx(grid["wer"].min(), abs=5e-5)


def test_the_best_of_an_estimated_grid_is_decoded(decode):
    out = decode("--lm=lm.arpa", *GRID, "--grid_file=grid.csv", "--grid_plot=grid.png")
    grid = pd.read_csv("grid.csv")
    best = grid.loc[grid["wer"].idxmin()]
    exact = grid[grid["exact"] == 1]
    for alpha, beta, rate in exact[["alpha", "beta", "wer"]].itertuples(index=False):
        assert rate == pytest.approx(wer(decoded(alpha, beta)), abs=1e-12)
    assert exact["wer"].min() == best["wer"]
    assert out.count("(estimate)") == len(grid) - len(exact)
    assert out.count(": WER=") == len(grid) and "<- beta" not in out

    table = decode("--lm=lm.arpa", *GRID, "--grid_table")
    assert ": WER=" not in table  # each point is printed once
    lines = table[table.index("WER %") : table.index("alpha\n")].splitlines()[1:]
    rates = [float(cell.strip("*~")) for line in lines for cell in line.split()[1:]]
    assert rates == [round(100 * rate, 2) for rate in grid["wer"]]
    assert table.count("~") == len(grid) - len(exact) + 1  # and the legend
    assert Path("grid.png").stat().st_size > 1000


def test_what_is_written_is_of_the_best_point(decode):
    decode("--lm=lm.arpa", "--alpha=0.5", "--beta=0", "--output_file=u.csv", "--nbest=3",
           "--nbest_file=n.jsonl", "--ctm=x.ctm", "--dump_all_beams_to=beams.txt",
           "--beam_width=16")  # fmt: skip
    single = decoded(0.5, 0.0, beam_width=16)
    table = pd.read_csv("u.csv", keep_default_na=False)
    assert list(table["hypothesis"]) == [result.text for result in single]
    expected = decoded(0.5, 0.0, beam_width=16, nbest=16)
    assert list(table["reference"]) == TEXTS
    lines = [json.loads(line) for line in Path("n.jsonl").read_text().splitlines()]
    for line, result in zip(lines, expected, strict=True):
        assert [one["text"] for one in line["nbest"]] == [one.text for one in result.nbest[:3]]
        assert line["score"] == pytest.approx(line["acoustic_score"] + line["lm_score"])
        assert [word["text"] for word in line["words"]] == result.text.split()
    beams = Path("beams.txt").read_text().split("B=>>>>>>>>\n")[1:]
    for block, result in zip(beams, expected, strict=True):
        *rows, end = block.splitlines()
        assert end == "E=>>>>>>>>" and len(rows) == len(result.nbest)
        assert [row.split(" ", 3)[3] for row in rows] == [one.text for one in result.nbest]
    assert len(Path("x.ctm").read_text().splitlines()) == sum(len(r.words) for r in single)


def test_inference(decode):
    decode("--mode=infer", "--lm=lm.arpa", "--alpha=0.5", "--beta=0", "--infer_output_file=o.csv",
           labels=False)  # fmt: skip
    rows = list(csv.reader(io.StringIO(Path("o.csv").read_text(encoding="utf-8"))))
    assert rows[0] == ["wav_filename", "transcript"]
    assert rows[1:] == [[f"{i}.wav", r.text] for i, r in enumerate(decoded(0.5, 0.0))]


@pytest.mark.parametrize(
    ("flag", "place"),
    [("output_file", "."), ("nbest_file", "vocab.txt/x"), ("ctm", "."), ("grid_file", "."),
     ("dump_all_beams_to", "."), ("grid_plot", "picture.doc"), ("grid_plot", "vocab.txt/x.png")],
)  # fmt: skip
def test_a_wrong_place_is_noticed_before_work(decode, monkeypatch, flag, place):
    def work(*arguments):
        raise AssertionError("work was done")

    monkeypatch.setattr("open_seq2seq.commands.decoding.decode", work)
    assert place in decode("--lm=lm.arpa", *GRID, f"--{flag}={place}", code=2)


def test_two_results_do_not_share_a_file(decode):
    said = decode("--beta=0", "--output_file=u.csv", "--ctm=./u.csv", code=2)
    assert "--ctm: found ./u.csv, as --output_file" in said and not Path("u.csv").exists()


def test_presets_options_and_no_language_model(decode):
    out = decode("--beta=0")
    assert f"WER={wer(decoded(0.0, 0.0, language_model=False)):.4f}" in out
    assert "No language model" in out
    common = ("--lm=lm.arpa", "--alpha=0.5", "--beta=0", "--output_file=u.csv")
    out = decode(*common, "--scoring=standard", "--beam_width=8")
    assert "alpha multiplies natural probabilities" in out
    texts = [r.text for r in decoded(0.5, 0.0, "standard", beam_width=8)]
    assert list(pd.read_csv("u.csv")["hypothesis"]) == texts
    Path("hot.txt").write_text("bac 9\n")
    decode(*common, "--hot_words=hot.txt", "--cutoff_top_n=4", "--num_threads=1")
    hot = decoded(0.5, 0.0, hot_words={"bac": 9.0}, cutoff_top_n=4)
    assert list(pd.read_csv("u.csv")["hypothesis"]) == [r.text for r in hot]
    assert hot != decoded(0.5, 0.0)


def test_two_language_models_share_the_weight(decode):
    common = ("--alpha=0.8", "--beta=0", "--output_file=u.csv")
    decode("--lm", "lm.arpa", "lm.arpa", "--lm_weights", "0.25", "0.75", *common)
    both = pd.read_csv("u.csv")
    decode("--lm=lm.arpa", *common)
    one = pd.read_csv("u.csv")
    assert list(both["hypothesis"]) == list(one["hypothesis"])
    np.testing.assert_allclose(both["score"], one["score"], atol=1e-3)


def test_bare_arrays_are_in_the_order_of_the_manifest(decode):
    named = decode("--lm=lm.arpa", "--alpha=0.5", "--beta=0")
    Path("logits.pkl").write_bytes(pickle.dumps(list(dump()["logits"].values())))
    bare = decode("--lm=lm.arpa", "--alpha=0.5", "--beta=0", "--vocab=vocab.txt")
    line = re.search(r"BEST.*", named)[0]
    assert line in bare and "no step_size" in bare


def with_words(change, *words):
    """The language model with some of its words changed."""
    return "".join(change(one) if one in words else one for one in re.split(r"(\s)", ARPA))


def test_words_that_can_never_be_said_are_counted(decode):
    """Two words in capitals, and the advice for them."""
    Path("half.arpa").write_text(with_words(str.swapcase, "ca", "bac"))
    for scoring in ("standard", "openseq2seq", "pyctcdecode"):
        out = decode("--lm=half.arpa", "--alpha=0.5", "--beta=0", f"--scoring={scoring}")
        assert (
            "2 words (of 5) of the language model or lexicon cannot be spelled with the model's "
            "symbols and will never be recognised: 'CA', 'BAC'. In lower case they could: "
            "scripts/build_lm.py --lower_case.\n" in out
        )
    assert "never be recognised" not in decode("--lm=lm.arpa", "--alpha=0.5", "--beta=0")
    # All words: refused.
    Path("upper.arpa").write_text(with_words(str.upper, "ab", "ca", "ba", "bac", "é"))
    refused = decode("--lm=upper.arpa", "--alpha=0.5", "--beta=0", code=2)
    assert "None of the lexicon's 5 words" in refused and "upper and lower case" in refused


def test_symbols_without_a_space_make_one_word(decode):
    content = dump()
    content["vocab"][0] = "d"
    Path("logits.pkl").write_bytes(pickle.dumps(content))
    out = decode("--lm=lm.arpa", "--alpha=0.5", "--beta=0")
    assert "symbols have no space: with a language model of words each utterance is taken" in out
    assert "symbols have no space" not in decode("--beta=0")


def test_a_scorer_package_brings_alpha_beta_and_scoring(decode):
    options = ("-v", "trie")
    package = build_binary(Path("lm.arpa"), Path("kenlm.scorer"), *options)
    kenlm = package.read_bytes()
    package.write_bytes(kenlm + b"EIRT" + struct.pack("<i?dd", 6, False, 0.75, 0.5) + b"trie")
    refused = decode("--lm=kenlm.scorer", code=2)
    assert "kenlm.scorer: found words that cannot be read" in refused
    words = ["ab", "ca", "ba", "bac", "é"]
    Path("words.txt").write_text("\n".join(words), encoding="utf-8")
    out = decode("--lm=kenlm.scorer", "--lexicon=words.txt")
    package.write_bytes(kenlm + package_tail(words, SYMBOLS, 0.75, 0.5, len(kenlm)))
    own = decode("--lm=kenlm.scorer")
    best = re.compile(r"BEST: .*")
    assert best.search(own)[0] == best.search(out)[0]
    said = "kenlm.scorer is a scorer package of DeepSpeech, made for alpha 0.75 and beta 0.5"
    assert said in out and "Scoring deepspeech: alpha multiplies natural" in out
    assert f"BEST: alpha=0.75, beta=0.50, WER={wer(decoded(0.75, 0.5, 'deepspeech')):.4f}" in out
    out = decode("--lm=kenlm.scorer", "--lexicon=words.txt", "--scoring=openseq2seq", "--beta=1")
    assert "BEST: alpha=1.726939, beta=1.000000" in out  # 0.75 times ln 10


def test_probabilities_and_a_blank_elsewhere(decode):
    wanted = re.search(r"BEST.*", decode("--lm=lm.arpa", "--alpha=0.5", "--beta=0"))[0]
    content = dump()
    for name, array in content["logits"].items():
        content["logits"][name] = np.roll(softmax(array, axis=1), 1, axis=1)
    Path("logits.pkl").write_bytes(pickle.dumps(content))
    out = decode("--lm=lm.arpa", "--alpha=0.5", "--beta=0", "--blank=0")
    assert wanted in out and "logits.pkl: The frames add up to 1: these are probabilities" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--blank=7"], "--blank=7: found 6 classes"),
        (["--lm=lm.arpa"], r"--alpha.*\n.*--beta"),
        (["--lm=gone.arpa", "--alpha=1", "--beta=0"], "gone.arpa"),
        (["--alpha=1", "--alpha_max=2"], "--alpha_max: found a grid"),
        (["--lm=lm.arpa", "--alpha=1", "--beta=0", "--scoring=standart"], "Did you mean standard"),
        (["--lm=lm.arpa", "--alpha=1", "--beta=0", "--lm_weights", "1", "2"], "--lm_weights"),
        (["--beta=1", "--beta_max=0"], "--beta_max: found 0"),
        (["--mode=infer", "--grid_plot=x.png"], "--grid_plot: found mode infer"),
        (["--mode=infer", "--grid_table"], "--grid_table: found mode infer"),
        (["--beam_width=0"], "--beam_width: found 0"),
        (["--beta=0", "--beta_max=1", "--beta_step=1e-9"], "1e\\+09 points"),
        (["--labels=gone.csv"], "gone.csv"),
        (["--logits=gone.pkl"], "gone.pkl"),
        (["--vocab=labels.csv"], "labels.csv"),
        (["--bpe_model=vocab.txt"], "SentencePiece"),
    ],
)
def test_bad_usage_is_said_in_a_message(decode, arguments, message):
    assert re.search(message, decode(*arguments, code=2))


def test_start_up_does_without_keras(corpus):
    """What the scripts import; a process of its own, as this one has imported everything."""
    program = (
        "import runpy, sys\n"
        "main = runpy.run_path(sys.argv[1])['main']\n"
        "assert main(sys.argv[2:]) == 0\n"
        "heavy = {'keras', 'tensorflow', 'jax', 'pandas', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    for name, arguments in (
        ("decode.py", ["--logits=logits.pkl", "--labels=labels.csv", "--lm=lm.arpa",
                       "--alpha=1", "--beta=0"]),
        ("dump_to_time.py", ["--dumpfile=logits.pkl"]),
    ):  # fmt: skip
        command = [sys.executable, "-c", program, str(ROOT / "scripts" / name), *arguments]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_word_times(corpus, capfd):
    main = script("dump_to_time.py")
    Path("calibration.txt").write_text("0.1 -0.01")
    assert main(["--dumpfile=logits.pkl"]) == 0
    assert "WARNING: start and end times are not calibrated" in capfd.readouterr().err
    plain = pd.read_csv("sample.csv", keep_default_na=False)
    assert list(plain) == ["wav_filename", "transcript", "start_time", "end_time"]
    assert main(["--dumpfile=logits.pkl", "--calibration_file=calibration.txt",
                 "--end_shift=0.02", "--save_file=moved.csv"]) == 0  # fmt: skip
    assert "WARNING" not in capfd.readouterr().err
    moved = pd.read_csv("moved.csv", keep_default_na=False)
    for before, after in zip(plain.to_dict("records"), moved.to_dict("records"), strict=True):
        assert before["transcript"] == after["transcript"]
        words = before["transcript"].split()
        starts = [after["start_time"].split(), before["start_time"].split()]
        ends = [after["end_time"].split(), before["end_time"].split()]
        assert all(len(times) == len(words) for times in (*starts, *ends))
        assert all(re.fullmatch(r"\d+\.\d{5}", time) for time in starts[0])
        assert float(starts[0][0]) == pytest.approx(float(starts[1][0]) + 0.1)


def test_calibration_from_stored_logits(corpus, capfd):
    assert script("dump_to_time.py")(["--dumpfile=logits.pkl"]) == 0
    table = pd.read_csv("sample.csv", keep_default_na=False)
    aligned = {
        row.wav_filename: {
            "words": [
                {"case": "success", "alignedWord": word, "start": float(s) + 0.25, "end": float(e)}
                for word, s, e in zip(
                    row.transcript.split(), row.start_time.split(), row.end_time.split()
                )
            ]
        }
        for row in table.itertuples()
    }
    Path("target.json").write_text(json.dumps(aligned), encoding="utf-8")
    main = script("calibrate_model.py")
    assert main(["--logits=logits.pkl", "--alignments=target.json"]) == 0
    assert Path("calibration.txt").read_text() == "0.25000 0.00000\n"
    assert "Starts: +0.25000 s" in capfd.readouterr().out
    assert main(["--logits=logits.pkl", "--alignments=gone.json"]) == 2


PIECES = ["▁ab", "▁c", "a", "▁ba", "c", "▁é"]


def test_sentence_pieces(corpus, decode):
    """The pieces stored with the logits make the words of the language model."""
    rng = np.random.default_rng(0)
    logits = {}
    for name, path in (("0.wav", [0, 6, 1, 2]), ("1.wav", [3, 4, 6, 5])):  # "ab ca", "bac é"
        frames = rng.normal(0, 0.5, (len(path), 7)).astype(np.float32)
        frames[np.arange(len(path)), path] += 4
        logits[name] = frames
    content = {"logits": logits, "step_size": 0.04, "vocab": dict(enumerate(PIECES))}
    Path("logits.pkl").write_bytes(pickle.dumps(content))
    Path("labels.csv").write_text("wav_filename,transcript\n0.wav,ab ca\n1.wav,bac é\n")
    for arguments in (("--lm=lm.arpa", "--alpha=0.5", "--beta=0"), ("--beta=0",)):
        out = decode(*arguments, "--output_file=u.csv", "--ctm=x.ctm")
        assert "Greedy WER = 0.0000" in out and "WER=0.0000" in out
        assert list(pd.read_csv("u.csv")["hypothesis"]) == ["ab ca", "bac é"]
        words = [line.split()[4] for line in Path("x.ctm").read_text().splitlines()]
        assert words == ["ab", "ca", "bac", "é"]
    assert script("dump_to_time.py")(["--dumpfile=logits.pkl"]) == 0
    table = pd.read_csv("sample.csv", dtype=str)
    assert list(table["transcript"]) == ["ab ca", "bac é"]
    assert list(table["start_time"]) == ["0.00000 0.08000", "0.00000 0.12000"]
    assert list(table["end_time"]) == ["0.00000 0.12000", "0.04000 0.12000"]


def test_recordings_without_frames(corpus, decode):
    content = dump()
    content["logits"]["1.wav"] = np.zeros((0, 6), np.float32)
    Path("logits.pkl").write_bytes(pickle.dumps(content))
    out = decode("--lm=lm.arpa", "--alpha=0.5", "--beta=0", "--nbest_file=n.jsonl", "--nbest=2",
                 "--output_file=u.csv", "--dump_all_beams_to=b.txt", "--ctm=x.ctm")  # fmt: skip
    assert "Empty greedy predictions: 1 of 5" in out
    line = json.loads(Path("n.jsonl").read_text().splitlines()[1])
    assert line["text"] == "" and line["words"] == []
    assert pd.read_csv("u.csv", keep_default_na=False)["hypothesis"][1] == ""


def test_labels_are_normalised_as_in_training(decode):
    labels = Path("labels.csv")
    rates = re.compile(r"(?:WER|CER) *= *[\d.]+")
    plain = rates.findall(decode())
    marked = [f"{text.title()}!" for text in TEXTS]
    rows = [f'{i}.wav,0,"{text}"' for i, text in enumerate(marked)]
    labels.write_text("\n".join(["wav_filename,wav_filesize,transcript", *rows]) + "\n")
    assert rates.findall(decode("--text_normalization=plain")) == plain
    assert rates.findall(decode()) != plain
    assert "librispeech or plain" in decode("--text_normalization=latin", code=2)


def test_the_rates_are_added_to_the_summary_of_a_run(decode):
    logits = str(Path("logits.pkl").resolve())
    noted = {"file": logits, "data": "dev", "weights": "best", "step": 7}
    known = {"data": "dev", "step": 7, "weights": "best", "decoding": greedy_decoding(), "wer": 0.5}
    summary = {"run_id": "x", "config": {}, "results": [known], "logits": [noted]}
    write_summary(Path("run"), summary)
    decode("--lm=lm.arpa", "--alpha=0.5", "--beta=0", "--summary=run", "--tuned_on=other")
    decode("--lm=lm.arpa", *GRID, "--exact_grid", "--beam_width=64", "--summary=run")
    same, single, best = read_summary(Path("run"))["results"]
    assert same == known
    assert single["wer"] == pytest.approx(wer(decoded(0.5, 0.0)))
    assert (single["data"], single["weights"], single["step"]) == ("dev", "best", 7)
    assert (single["decoding"]["tuned_on"], best["decoding"]["tuned_on"]) == ("other", "dev")
    alpha, beta = best["decoding"]["alpha"], best["decoding"]["beta"]
    assert best["wer"] == pytest.approx(wer(decoded(alpha, beta, beam_width=64)))
    assert best["decoding"]["language_models"] == ["lm.arpa"]
    stored = read_transcripts(Path("run") / best["transcripts"])
    texts = [result.text for result in decoded(alpha, beta, beam_width=64)]
    assert [(one.reference, one.hypothesis) for one in stored] == list(zip(TEXTS, texts))

    err = decode("--summary=nowhere", code=2)
    assert "nowhere/summary.json" in err and "No such file" in err
    assert "single alpha" in decode("--lm=lm.arpa", *GRID, "--tuned_on=x", code=2)
