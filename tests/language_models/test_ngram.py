"""Building n-gram models: what KenLM's programs are asked to do, by stand-ins for them."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from open_seq2seq.errors import InputError, RunError
from open_seq2seq.language_models.ngram import NGramOptions, build_ngram, outputs_for

ROOT = Path(__file__).parents[2]
# Writes what it is given beside itself, and a tiny file where the output belongs. Like lmplz it
# wants fixed discounts for few lines.
STAND_IN = """#!{python}
import json, pathlib, sys
name, arguments = pathlib.Path(sys.argv[0]).name, sys.argv[1:]
text = sys.stdin.read()
log = pathlib.Path(sys.argv[0]).parent / "calls.jsonl"
limit = "--limit_vocab_file"
words = open(arguments[arguments.index(limit) + 1]).read() if limit in arguments else ""
with open(log, "a") as file:
    file.write(json.dumps([name, arguments, text, words]) + "\\n")
if name == "lmplz":
    if text.count("\\n") < 3 and "--discount_fallback" not in arguments:
        sys.exit("BadDiscountException: rerun with --discount_fallback")
    with open(arguments[arguments.index("--arpa") + 1], "w") as file:
        file.write("\\\\data\\\\\\nngram 1=5\\nngram 2=7\\n\\n")
elif name == "build_binary":
    open(arguments[-1], "w").write("binary")
elif name == "query":
    print("Perplexity including OOVs:\\t12.5\\nPerplexity excluding OOVs:\\t10.25")
    print("OOVs:\\t1\\nTokens:\\t6")
"""


@pytest.fixture
def tools(tmp_path):
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("lmplz", "build_binary", "query"):
        path = folder / name
        path.write_text(STAND_IN.format(python=sys.executable))
        path.chmod(0o755)
    return folder


@pytest.fixture
def build(tmp_path, tools, logged):
    """Builds of a text file; returns what was said and what the programs were given."""

    def call(text="The cat\nthe dog\nthe cat sat\n", dev=None, folder=tools, **options):
        (tmp_path / "text.txt").write_text(text)
        outputs = outputs_for(str(tmp_path / "text.txt"), None)
        files = [str(tmp_path / "text.txt")]
        build_ngram(files, NGramOptions(**options), outputs, str(folder), dev)
        calls = (tools / "calls.jsonl").read_text().splitlines()
        return list(logged), [json.loads(line) for line in calls]

    return call


def test_the_binary_is_a_quantised_trie_as_openseq2seq_built_it(tmp_path, tools, build):
    said, ((_, lmplz, text, _), (name, binary, _, _)) = build()
    assert lmplz[:2] == ["-o", "3"] and "--prune" not in lmplz
    assert text == "The cat\nthe dog\nthe cat sat\n"
    assert name == "build_binary"
    assert binary[:7] == ["-q", "8", "-b", "7", "-a", "256", "trie"]
    assert [Path(path).name for path in binary[7:]] == ["text.arpa", "text-lm.binary"]
    assert said[0] == "3 lines, 7 words, 5 different"
    assert "5 1-grams, 7 2-grams" in said[1]


def test_the_names_are_those_of_openseq2seq():
    assert [str(p) for p in vars(outputs_for("a/train.csv", None)).values()] == [
        "a/train.txt", "a/train.arpa", "a/train-lm.binary"]  # fmt: skip
    assert str(outputs_for("a/corpus.txt.gz", None).text) == "a/corpus.txt"
    assert str(outputs_for("a/corpus.txt", None).text) == "a/corpus-lm.txt"
    assert str(outputs_for("a/corpus.txt", "b/lm").binary) == "b/lm-lm.binary"


def test_options_reach_the_programs(tmp_path, tools, build):
    said, calls = build(order=2, prune=(0, 1), lower_case=True, vocab_size=2, memory="1G",
        binary_type="probing",
    )  # fmt: skip
    _, lmplz, text, words = calls[0]
    assert lmplz[:4] == ["-o", "2", "-S", "1G"]
    assert lmplz[lmplz.index("--prune") + 1 :][:2] == ["0", "1"]
    assert text == "the cat\nthe dog\nthe cat sat\n"
    assert words == "the\ncat\n"
    assert calls[1][1][0] == "probing"
    assert "the rarest occurs 2 times); 28.57% of the text" in said[1]


def test_little_text_gets_fixed_discounts_and_it_is_said(tmp_path, tools, build):
    said, calls = build(text="a b\nb c\n")
    assert [name for name, *_ in calls] == ["lmplz", "lmplz", "build_binary"]
    assert "--discount_fallback" in calls[1][1] and "--discount_fallback" not in calls[0][1]
    assert any("fixed ones are used" in line for line in said)
    with pytest.raises(RunError, match="Let it use fixed discounts"):
        build(text="a b\nb c\n", discount_fallback=False)


def test_characters_are_separated_and_spaces_have_a_sign(tmp_path, tools, build):
    _, calls = build(unit="character", order=5)
    assert calls[0][2].splitlines()[2] == "t h e | c a t | s a t"


def test_perplexity_and_unknown_words_of_dev_text(tmp_path, tools, build):
    (tmp_path / "dev.csv").write_text("wav_filename,transcript\nx,the cow\ny,a cat\n")
    said, calls = build(dev=str(tmp_path / "dev.csv"))
    assert calls[2][1][:2] == ["-v", "summary"] and calls[2][2] == "the cow\na cat\n"
    assert (
        "2 lines, 4 words, 25.00% out of vocabulary; perplexity 12.50, without these 10.25"
        in (said[-1])
    )


def test_missing_programs_are_named_with_what_builds_them(tmp_path, build):
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="install_kenlm") as error:
        build(folder=tmp_path / "none")
    assert [problem.where for problem in error.value.problems] == ["lmplz", "build_binary"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": 7}, "1 to 6"),
        ({"order": 1}, "at least 2 for a trie"),
        ({"prune": (1, 0)}, "counts that do not fall"),
        ({"unit": "piece"}, "--bpe_model together"),
    ],
)
def test_options_that_do_not_fit(tmp_path, tools, options, message, build):
    with pytest.raises(InputError, match=message):
        build(**options)


def test_text_with_kenlms_own_words_is_refused(tmp_path, tools, build):
    with pytest.raises(InputError, match="<s>"):
        build(text="<s> a\n")


def test_a_failing_program_is_quoted(tmp_path, tools, build):
    (tools / "build_binary").write_text("#!/bin/sh\necho no room >&2\nexit 3\n")
    with pytest.raises(RunError, match=r"build_binary failed \(3\):\n +no room"):
        build()


@pytest.mark.slow
def test_kenlm_is_built_and_builds_models(tmp_path):
    """install_kenlm.sh for real, then a model whose probabilities are known."""
    subprocess.run([ROOT / "scripts/install_kenlm.sh", "--prefix", tmp_path / "kenlm"], check=True)
    tools = tmp_path / "kenlm" / "bin"
    (tmp_path / "train.csv").write_text("wav_filename,transcript\n" + "x,A b\ny,a c\n" * 3)
    command = [sys.executable, ROOT / "scripts/build_lm.py", tmp_path / "train.csv", "--n", "2"]
    options = ["--lower_case", "--tools", tools, "--dev", tmp_path / "train.csv"]
    done = subprocess.run(
        [*command, *options], check=True, capture_output=True, text=True, cwd=ROOT
    )
    assert "0.00% out of vocabulary" in done.stdout and "fixed ones are used" in done.stdout
    arpa = (tmp_path / "train.arpa").read_text()
    assert "ngram 2=5" in arpa  # <s> a, a b, a c, b </s>, c </s>
    assert (tmp_path / "train-lm.binary").read_bytes().startswith(b"mmap lm")


def test_the_installer_names_missing_packages_and_wrong_archives(tmp_path):
    if shutil.which("bash") is None:
        pytest.fail("the scripts need bash")
    script = ROOT / "scripts/install_kenlm.sh"
    run = {"capture_output": True, "text": True}
    path = {"PATH": "/usr/bin:/bin"}
    done = subprocess.run([script], env={**path, "CXX": "no-such-compiler"}, **run)
    assert done.returncode == 1
    assert "a C++17 compiler (no-such-compiler)" in done.stderr
    assert "apt-get install g++ libboost-program-options-dev" in done.stderr
    assert "dnf install boost-devel gcc-c++" in done.stderr
    done = subprocess.run([script, "--prefex=x"], env=path, **run)
    assert done.returncode == 2 and "unknown argument --prefex=x" in done.stderr


def test_text_is_normalised(tmp_path, tools, build):
    text = "Mr. Smith's 2 dogs!\n***\nThe café\n"
    said, calls = build(text, text_normalization="librispeech")
    assert calls[0][2] == "mister smith's two dogs\nthe cafe\n"
    assert any("1 lines have no words" in line for line in said)
