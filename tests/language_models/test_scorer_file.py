"""`open-seq2seq lm package`: scorer packages of DeepSpeech."""

import pytest

from ctc_decoder_with_lm import LanguageModel
from open_seq2seq.cli import main
from tests.ctc_decoder_with_lm.language_model_files import WORDS, build_binary, make_model

ALPHABET = [" ", *sorted(set("".join(WORDS)))]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lm")
    arpa = make_model().write(folder / "lm.arpa")
    build_binary(arpa, folder / "lm.binary", "-q", "8", "trie")
    build_binary(arpa, folder / "silent.binary", "-v", "-q", "8", "trie")
    # As DeepSpeech writes it.
    (folder / "alphabet.txt").write_text("# characters\n" + "\n".join(ALPHABET) + "\n# end\n")
    return folder


def package(files, *arguments, alphabet=True):
    flags = [f"--alphabet={files / 'alphabet.txt'}"] if alphabet else []
    usual = {"--lm": files / "lm.binary", "--alpha": 0.75, "--beta": 1.5}
    given = " ".join(arguments)
    flags += [f"{name}={value}" for name, value in usual.items() if f"{name}=" not in given]
    return main(["lm", "package", *flags, *arguments])


def test_a_model_with_its_words(files, tmp_path, capsys):
    output = tmp_path / "kenlm.scorer"
    assert package(files, f"--output={output}") == 0
    assert capsys.readouterr().out == f"{len(WORDS)} words are in {output}\n"
    model = LanguageModel(output)
    assert (model.package.alpha, model.package.beta) == (0.75, 1.5)
    assert sorted(model.package.words(ALPHABET)) == sorted(WORDS)
    silent = (files / "silent.binary").read_bytes()
    assert output.read_bytes()[: len(silent)] == silent
    plain = LanguageModel(files / "lm.binary")
    for sentence in (["the", "cat"], ["mat", "unheard", "sat"]):
        assert model.score(sentence) == plain.score(sentence)


def test_given_words(files, tmp_path, capsys):
    """Of a model without; some cannot be spelled, and one the model does not know."""
    words = tmp_path / "vocab.txt"
    words.write_text("cat the\ncat Cat\nb4r tact\n")
    output = tmp_path / "kenlm.scorer"
    lm = f"--lm={files / 'silent.binary'}"
    assert package(files, lm, f"--words={words}", f"--output={output}") == 0
    out = capsys.readouterr().out
    assert "2 words have characters that the alphabet lacks, and were left out: 'Cat', 'b4r'" in out
    assert "1 words are not in the language model" in out and "'tact'" in out
    assert f"3 words are in {output}" in out
    assert sorted(LanguageModel(output).package.words(ALPHABET)) == ["cat", "tact", "the"]


def test_deepspeechs_names_of_the_flags(files, tmp_path):
    words = tmp_path / "vocab.txt"
    words.write_text("\n".join(WORDS))
    one, other = tmp_path / "one.scorer", tmp_path / "other.scorer"
    lm = f"--lm={files / 'silent.binary'}"
    assert package(files, lm, f"--words={words}", f"--output={one}") == 0
    theirs = [lm, f"--alphabet={files / 'alphabet.txt'}", f"--vocab={words}",
              f"--package={other}", "--default_alpha=0.75", "--default_beta=1.5"]  # fmt: skip
    assert main(["lm", "package", *theirs]) == 0
    assert one.read_bytes() == other.read_bytes()


def test_a_package_is_made_anew(files, tmp_path):
    first, second = tmp_path / "first.scorer", tmp_path / "second.scorer"
    assert package(files, f"--output={first}") == 0
    again = [f"--lm={first}", "--alpha=1.25", f"--output={second}"]
    assert package(files, *again) == 0
    model = LanguageModel(second)
    assert model.package.alpha == 1.25
    assert sorted(model.package.words(ALPHABET)) == sorted(WORDS)
    # Over itself, too.
    assert package(files, f"--lm={second}", "--alpha=0.75", f"--output={second}") == 0
    assert second.read_bytes() == first.read_bytes()


def test_bytes(files, tmp_path):
    output = tmp_path / "bytes.scorer"
    assert package(files, "--bytes", f"--output={output}", alphabet=False) == 0
    found = LanguageModel(output).package
    assert found.is_bytes and sorted(found.words([])) == sorted(WORDS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--lm={files}/lm.arpa"], "an ARPA file, expected a KenLM binary"),
        (["--lm={files}/silent.binary"], "Give them by --words"),
        (["--lm={files}/none"], "none"),
        (["--alpha=nan"], "alpha: found nan"),
        (["--beta=inf"], "beta: found inf"),
        (["--words={files}/none"], "The words cannot be read"),
        (["--words={files}/other.txt"], "1 words that the alphabet does not spell ('XYZ')"),
        (["--words={files}/empty.txt"], "The package would be empty"),
        (["--output={files}"], "--output"),
    ],
)
def test_what_cannot_be_made(files, tmp_path, capsys, arguments, message):
    (files / "other.txt").write_text("XYZ")
    (files / "empty.txt").write_text(" \n")
    output = tmp_path / "kenlm.scorer"
    given = [one.format(files=files) for one in arguments]
    if not any(one.startswith("--output") for one in given):
        given.append(f"--output={output}")
    code = package(files, *given)
    err = capsys.readouterr().err
    assert code == 2 and message in err and "Traceback" not in err
    assert not output.exists()


def test_an_alphabet_without_a_space(files, tmp_path, capsys):
    alphabet = tmp_path / "alphabet.txt"
    alphabet.write_text("\n".join(ALPHABET[1:]))
    given = [f"--alphabet={alphabet}", f"--output={tmp_path / 'a.scorer'}"]
    assert package(files, *given, alphabet=False) == 2
    assert "no space, expected a line with one space" in capsys.readouterr().err
