"""Reports are read back and compared with what went in."""

import os
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from open_seq2seq.errors import RunError
from open_seq2seq.metrics import html_report
from open_seq2seq.metrics.analysis import analyse
from open_seq2seq.metrics.html_report import render_html
from open_seq2seq.metrics.report import EvaluatedUtterance, write_report
from open_seq2seq.metrics.text_report import LINE_WIDTH, render_text

EXAMPLE = [
    EvaluatedUtterance("one.wav", "the cat sat on the mat", "the bat sat on mat", 2.5, 0.5),
    EvaluatedUtterance("two.wav", "a cat", "a cat", 61.0, 0.875),
    EvaluatedUtterance("three.wav", "cat the", "bat the and a big dog", 1.0, 0.25),
    EvaluatedUtterance("four.wav", "", "uh"),
]
VOID = {"meta", "br"}


class Page(HTMLParser):
    """The elements of a page with their text; fails on tags that do not match."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.elements, self.attributes = [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.attributes += attrs
        if tag not in VOID:
            element = {"tag": tag, "class": dict(attrs).get("class", ""), "text": [], "inner": []}
            if self.open:
                self.open[-1]["inner"].append(element)
            self.elements.append(element)
            self.open.append(element)

    def handle_endtag(self, tag):
        assert self.open.pop()["tag"] == tag

    def handle_data(self, data):
        for element in self.open:
            element["text"].append(data)

    def find(self, tag, kind=None):
        return [
            e for e in self.elements if e["tag"] == tag and (kind is None or e["class"] == kind)
        ]

    def texts(self, tag, kind=None):
        return ["".join(e["text"]).strip() for e in self.find(tag, kind)]

    def rows(self, kind):
        """The cells of the table of this class."""
        return [
            ["".join(cell["text"]) for cell in row["inner"]]
            for table in self.find("table", kind)
            for row in table["inner"]
        ]

    def alignments(self):
        """(name, [(reference word, hypothesis word), ...]), None for a gap."""
        names = self.texts("h3")
        found = []
        for name, alignment in zip(names, self.find("div", "alignment"), strict=True):
            columns = [[_word(cell) for cell in c["inner"]] for c in alignment["inner"][1:]]
            found.append((name, [tuple(column) for column in columns]))
        return found


def _word(cell):
    return None if cell["class"] == "gap" else "".join(cell["text"])


def read_text(text):
    """[(name, reference, hypothesis, marks)] of the utterances with errors in a text report."""
    body = text.split("Utterances with errors (")[1].split("\nUtterances without")[0]
    found = []
    for block in re.split(r"\n\n(?=\d+\. )", body)[1:]:
        # The row of marks is empty, and then cut off at the end, where all words are right.
        lines = [*block.rstrip("\n").split("\n"), ""]
        name = lines[0].split(". ", 1)[1]
        rows = ["", "", ""]
        for start in range(2, len(lines) - 2, 3):
            chunk = lines[start : start + 3]
            assert chunk[0].startswith("   REF:")
            assert chunk[1].startswith("   HYP:")
            rows = [f"{row} {line[7:]}" for row, line in zip(rows, chunk, strict=True)]
        found.append((name, *(row.split() for row in rows)))
    return found


def html(utterances, title="Title", details=None):
    return Page(render_html(analyse(utterances), title, details or {}))


class TestHtml:
    def test_summary(self):
        page = html(EXAMPLE, details={"checkpoint": "step-100", "loss": 1.5})
        # 1 + 1 substituted, 1 deleted, 4 + 1 inserted, in 6 + 2 + 2 words
        assert page.texts("div", "figure")[0] == "80.00 %"
        assert page.texts("div", "figure")[2] == "75.00 %"
        assert "8 errors in 10 words" in page.texts("div", "soft")
        assert "3 of 4" in page.texts("div", "soft")
        assert page.texts("div", "legend") == ["7 right2 substituted1 deleted5 inserted"]
        assert page.rows("details") == [["checkpoint", "step-100"], ["loss", "1.5"]]
        assert page.rows("figures") == [
            ["Empty references", "1"],
            ["Audio", "1 min 04 s"],
            ["Mean confidence without errors", "0.875"],
            ["Mean confidence with errors", "0.375"],
        ]

    def test_confused_words(self):
        page = html(EXAMPLE)
        assert page.rows("mistakes substituted-words") == [["cat → bat", "2 of 3"]]
        assert page.rows("mistakes deleted-words") == [["the", "1 of 3"]]
        inserted = page.rows("mistakes inserted-words")
        assert inserted == [
            [w, f"1 of {n}"] for w, n in zip(["a", "and", "big", "dog", "uh"], "21111")
        ]

    def test_worst_first(self):
        page = html(EXAMPLE)
        assert [name for name, _ in page.alignments()] == ["three.wav", "one.wav", "four.wav"]
        assert page.alignments()[1][1] == [
            ("the", "the"),
            ("cat", "bat"),
            ("sat", "sat"),
            ("on", "on"),
            ("the", None),
            ("mat", "mat"),
        ]
        assert page.alignments()[2][1] == [(None, "uh")]
        assert page.rows("right-utterances") == [["two.wav", "a cat"]]

    def test_nothing_of_it_is_markup(self):
        nasty = "<script>alert('x')</script>&amp;\"<b>"
        page = html(
            [
                EvaluatedUtterance(nasty, f"{nasty} a", "a <i>"),
                EvaluatedUtterance("r", nasty, nasty),
            ],
            title=nasty,
            details={nasty: nasty},
        )
        assert not page.find("script")
        assert page.texts("h1") == [nasty]
        assert page.texts("title") == [nasty]
        assert page.rows("details") == [[nasty, nasty]]
        assert page.rows("right-utterances") == [["r", nasty]]
        ((name, pairs),) = page.alignments()
        assert name == nasty
        assert [r for r, _ in pairs if r] == f"{nasty} a".split()
        assert [h for _, h in pairs if h] == ["a", "<i>"]

    def test_needs_no_other_file(self):
        text = render_html(analyse(EXAMPLE), "Title", {})
        assert not re.search(r"https?:|@import|url\(|<link|<script|<img", text)
        assert {name for name, _ in Page(text).attributes}.isdisjoint({"src", "href"})

    def test_all_utterances_are_there_when_folded(self, monkeypatch):
        monkeypatch.setattr(html_report, "UTTERANCES_SHOWN", 3)
        page = html([EvaluatedUtterance(f"{i}.wav", "a", "b") for i in range(10)])
        assert [name for name, _ in page.alignments()] == [f"{i}.wav" for i in range(10)]
        assert "7 more with errors" in page.texts("summary")

    def test_says_how_many_mistakes_are_left_out(self, monkeypatch):
        monkeypatch.setattr(html_report, "MISTAKES_SHOWN", 2)
        page = html([EvaluatedUtterance("a", "a b c", "")])
        assert len(page.rows("mistakes deleted-words")) == 2
        assert "2 of 3" in page.texts("span", "soft")


words = st.text(
    st.characters(codec="utf-8", exclude_categories=["Zs", "Zl", "Zp", "Cc"]), max_size=6
)
sentences = st.lists(words, max_size=30).map(" ".join)


@settings(deadline=None, max_examples=50)
@given(texts=st.lists(st.tuples(sentences, sentences), max_size=4))
def test_alignments_give_both_texts_back(texts):
    utterances = [EvaluatedUtterance(f"{i}.wav", r, h) for i, (r, h) in enumerate(texts)]
    expected = {f"{i}.wav": (r.split(), h.split()) for i, (r, h) in enumerate(texts)}
    wrong = {name for name, (r, h) in expected.items() if r != h}

    in_html = html(utterances).alignments()
    assert {name for name, _ in in_html} == wrong
    for name, pairs in in_html:
        assert [r for r, _ in pairs if r is not None] == expected[name][0]
        assert [h for _, h in pairs if h is not None] == expected[name][1]


PLAIN = st.lists(st.sampled_from(["a", "bb", "слово", "日本", "straße"]), max_size=60).map(" ".join)


@settings(deadline=None, max_examples=50)
@given(texts=st.lists(st.tuples(PLAIN, PLAIN), max_size=4))
def test_text_alignments_give_both_texts_back(texts):
    utterances = [EvaluatedUtterance(f"{i}.wav", r, h) for i, (r, h) in enumerate(texts)]
    analysis = analyse(utterances)
    text = render_text(analysis, "Title", {})
    found = read_text(text)
    assert [name for name, *_ in found] == [one.utterance.name for one in analysis.wrong]
    for name, reference, hypothesis, marks in found:
        utterance = utterances[int(name.split(".")[0])]
        assert [w for w in reference if w.strip("*")] == utterance.reference.split()
        assert [w for w in hypothesis if w.strip("*")] == utterance.hypothesis.split()
        (scored,) = [one for one in analysis.wrong if one.utterance is utterance]
        assert marks.count("S") == scored.words.substitutions
        assert marks.count("D") == scored.words.deletions
        assert marks.count("I") == scored.words.insertions
    for line in text.split("\n"):
        if line.startswith(("   REF", "   HYP")):
            assert len(line) <= LINE_WIDTH


class TestText:
    def test_content(self):
        text = render_text(analyse(EXAMPLE), "Title", {"loss": 1.5})
        lines = text.split("\n")
        assert lines[:2] == ["Title", "====="]
        assert "Word error rate                 80.00 % (8 errors in 10 words)" in lines
        assert "Substituted words               2" in lines
        assert "Deleted words                   1" in lines
        assert "Inserted words                  5" in lines
        assert "loss  1.5" in lines
        assert "cat -> bat  2 of 3" in lines
        assert "two.wav: a cat" in lines
        start = lines.index("2. one.wav")
        assert lines[start + 1 : start + 5] == [
            "   WER 33.33 % (2 of 6: 1 substituted, 1 deleted, 0 inserted), CER 22.73 %, "
            "2.50 s, confidence 0.500",
            "   REF: the cat sat on the mat",
            "   HYP: the bat sat on *** mat",
            "            S          D",
        ]

    def test_without_errors_or_utterances(self):
        text = render_text(analyse([]), "Title", {})
        assert "0.00 % (0 errors in 0 words)" in text
        assert "Utterances without errors (0)" in text
        assert html([]).texts("div", "figure") == ["0.00 %"] * 3


class TestWriteReport:
    @pytest.mark.parametrize(
        ("name", "is_html"),
        [("r.html", True), ("r.HTM", True), ("r.txt", False), ("report", False)],
    )
    def test_format_by_suffix(self, tmp_path, name, is_html):
        path = tmp_path / "new" / "folder" / name
        write_report(path, EXAMPLE, "Title", {"a": 1})
        assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>") == is_html
        assert [p.name for p in path.parent.iterdir()] == [name]

    def test_replaces_an_older_report(self, tmp_path):
        path = tmp_path / "report.txt"
        path.write_text("old")
        write_report(str(path), EXAMPLE, "Title")
        assert path.read_text(encoding="utf-8").startswith("Title\n")

    def test_file_names_that_are_not_utf8(self, tmp_path):
        name = os.fsdecode(b"\xff.wav")
        write_report(tmp_path / "r.html", [EvaluatedUtterance(name, "a", "b")], "Title")
        assert "\\udcff.wav" in (tmp_path / "r.html").read_text(encoding="utf-8")

    def test_an_unwritable_path_is_named(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(RunError, match=r"file/report\.html could not be written"):
            write_report(tmp_path / "file" / "report.html", EXAMPLE, "Title")

    def test_a_folder_in_its_place_is_named_and_nothing_left(self, tmp_path):
        (tmp_path / "report.html").mkdir()
        with pytest.raises(RunError, match=r"report\.html could not be written"):
            write_report(tmp_path / "report.html", EXAMPLE, "Title")
        assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


class TestGroups:
    UTTERANCES = (
        EvaluatedUtterance("1", "a b", "a x", 0.5, speaker="jo"),
        EvaluatedUtterance("2", "a b c d", "a b c d", 5.0, speaker="jo"),
        EvaluatedUtterance("3", "a b", "x y", 5.5, speaker="al"),
        EvaluatedUtterance("4", "a", "a", 70.0),
    )

    def test_counts_by_speaker_and_by_length(self):
        analysis = analyse(self.UTTERANCES)
        speakers = [
            (g.name, g.errors.words.errors, g.errors.words.total) for g in analysis.speakers
        ]
        assert speakers == [("al", 2, 2), ("jo", 1, 6), ("not known", 0, 1)]
        lengths = [(g.name, g.errors.words.errors, g.seconds) for g in analysis.lengths]
        assert lengths == [
            ("0 to 1 s", 1, 0.5),
            ("5 to 10 s", 2, 10.5),
            ("60 s and longer", 0, 70.0),
        ]
        assert sum(g.errors.characters.total for g in analysis.lengths) == (
            analysis.errors.characters.total
        )

    def test_without_speakers_and_durations_there_are_no_tables(self):
        analysis = analyse([EvaluatedUtterance("1", "a", "b")])
        assert not analysis.speakers and not analysis.lengths
        assert "Where the errors are" not in render_html(analysis, "T", {})
        assert "Error rates by" not in render_text(analysis, "T", {})

    def test_both_reports_have_the_tables(self):
        analysis = analyse(self.UTTERANCES)
        page, text = render_html(analysis, "T", {}), render_text(analysis, "T", {})
        assert Page(page)
        for cells in (("al", "100.00 %", "2"), ("5 to 10 s", "33.33 %", "6")):
            assert re.search(".*".join(map(re.escape, cells)), text)
            assert re.search(".*".join(map(re.escape, cells)), page)


class TestPhonemes:
    """What is counted are phonemes: their rate has its own name, and characters say nothing."""

    UTTERANCES = (
        EvaluatedUtterance("a", "K AE T", "K AA T", 1.0, speaker="s", unit="phoneme"),
        EvaluatedUtterance("b", "D AO G", "D AO G", 1.0, speaker="t", unit="phoneme"),
    )

    @pytest.mark.parametrize("render", [render_html, render_text])
    def test_both_forms(self, render):
        text = render(analyse(self.UTTERANCES), "Title", {})
        assert "Phoneme error rate" in text and "1 errors in 6 phonemes" in text
        assert "PER 33.33 %" in text and "Confused phonemes" in text
        for word in ("WER", "CER", "Words", "Word error", "Character"):
            assert word not in text, word
