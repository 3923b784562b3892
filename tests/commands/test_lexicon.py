"""open-seq2seq lexicon: lexicons, vocabularies and manifests of symbols."""

import pytest

from open_seq2seq.commands.lexicon import main
from open_seq2seq.data.manifest import read_manifests
from open_seq2seq.data.text import load_vocabulary


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.txt").write_text("the\tDH AH\nread\tR EH D\nread\tR IY D\n")
    (tmp_path / "train.csv").write_text(
        "wav_filename,wav_filesize,transcript,speaker\n"
        "a.wav,1,The read,anna\nb.wav,1,the zorg,berta\n"
    )
    return tmp_path


def test_everything_at_once(files, capsys):
    flags = ["--manifest", "train.csv", "--text_normalization=plain", "--dictionary=own.txt"]
    outputs = ["--lexicon=lexicon.txt", "--vocab=vocab.txt", "--output=out.csv", "--separator=|"]
    assert main([*flags, *outputs]) == 0
    said = capsys.readouterr().out
    assert "2 of 3 words have 3 pronunciations (2 by own.txt)." in said
    assert "1 words have no pronunciation: zorg" in said
    assert "train.csv:3: zorg" in said
    lexicon = (files / "lexicon.txt").read_text()
    assert lexicon == "read\tR EH D\nread\tR IY D\nthe\tDH AH\n"
    (one,) = read_manifests(["out.csv"], True)
    assert (one.transcript, one.words, one.speaker) == ("DH AH | R EH D", "the read", "anna")
    vocabulary = load_vocabulary("vocab.txt", False, " ")
    assert vocabulary.decode(vocabulary.encode(one.transcript)) == one.transcript
    assert (files / "vocab.txt").read_text().split() == [*["AH", "D", "DH", "EH", "IY", "R"], "|"]


def test_spellings_in_characters(files):
    (files / "words.txt").write_text("the\nread 3\n")
    assert main(["--words=words.txt", "--spell", "--lexicon=lexicon.txt"]) == 0
    assert (files / "lexicon.txt").read_text() == "the\tt h e\nread\tr e a d\n"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--words=train.csv", "--spell"], "--lexicon, --vocab or --output"),
        (["--words=train.csv", "--output=o.csv"], "--output: found no manifest"),
        (["--words=none.txt", "--spell", "--lexicon=l.txt"], "none.txt: found"),
        (["--words=train.csv", "--dictionary=own.txt", "--lexicon=l.txt"], "none known"),
    ],
)
def test_wrong_input(files, capsys, flags, message):
    assert main(flags) == 2
    assert message in capsys.readouterr().err
