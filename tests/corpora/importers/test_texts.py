"""White space in transcripts, whichever importer reads them."""

from hypothesis import given, settings
from hypothesis import strategies as st

from open_seq2seq.corpora.importers.entries import Entry, Split
from open_seq2seq.corpora.importers.manifests import Output, write_manifests
from open_seq2seq.corpora.importers.texts import single_spaced
from open_seq2seq.data.manifest import read_manifests
from tests.corpora.importers.layouts import librispeech_part, rows_of, run
from tests.data.corpora import write_audio


@settings(max_examples=100)
@given(st.text(st.sampled_from("ab \t\n\r\x0b\x0c\x00\x1f\x85\xa0\u2003\u2028\u2029\u3000\u202f")))
def test_white_space_in_transcripts(text):
    spaced = single_spaced(text)
    assert set(spaced) <= set("ab ") and "  " not in spaced and spaced == spaced.strip()
    assert spaced.replace(" ", "") == "".join(c for c in text if c in "ab")
    # Words stay apart where anything stood between them.
    assert spaced.split() == "".join(c if c in "ab" else " " for c in text).split()


def test_white_space_in_every_importer(tmp_path, capsys):
    part = librispeech_part(tmp_path / "dev", {"84": 1})
    text = next(part.rglob("*.trans.txt"))
    text.write_text("84-100-0000 ONE\u2028TWO\u00a0THREE\x0bFOUR\rFIVE\n", encoding="utf-8")
    assert run("librispeech_layout", part, "--output", tmp_path) == 0
    assert rows_of(tmp_path / "dev.csv")[0]["transcript"] == "one two three four five"
    said = capsys.readouterr().out
    assert "in 1 transcript" in said and "line separator (1)" in said


TEXTS = st.text(
    st.sampled_from("aé,;'\"{[@ \t\n\r\x0b\x00\x1c\x85\xa0\u2028\u200b\u0301"), max_size=9
)


def test_what_is_written_is_read_back(tmp_path):
    """By training's reader, from a manifest of any texts."""
    audio = write_audio(tmp_path / "a.wav", 0.2)

    @settings(max_examples=40, deadline=None)
    @given(st.lists(TEXTS.filter(single_spaced), min_size=1, max_size=5))
    def check(texts):
        entries = [Entry(str(audio), text, f"list:{row}") for row, text in enumerate(texts)]
        write_manifests([Split("any", entries)], Output(tmp_path))
        read = read_manifests([str(tmp_path / "any.csv")], need_transcript=True)
        assert [one.transcript for one in read] == [single_spaced(text) for text in texts]

    check()
