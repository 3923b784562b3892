"""The diagnosis as text, as a page and as JSON."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from open_seq2seq.corpora.doctor.diagnosis import Diagnosis, as_json
from open_seq2seq.corpora.doctor.findings import Finding, Row
from open_seq2seq.corpora.doctor.html_report import render_html
from open_seq2seq.corpora.doctor.text_report import render_text
from tests.corpora.doctor.speech import examine, make_items

_EMPTY = {"meta", "br", "link", "input"}


class Page(HTMLParser):
    """Checks that elements are closed in order; collects text."""

    def __init__(self, page: str):
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        if tag not in _EMPTY:
            self.open.append(tag)
        # Nothing is fetched from elsewhere.
        for name, value in attributes:
            if name in ("src", "href", "xlink:href"):
                assert value.startswith(("#", "data:")), value

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def diagnosis(tmp_path_factory):
    """Of a corpus with faults, and with names and texts that are markup."""
    folder = tmp_path_factory.mktemp("report")
    train, dev = make_items(24, 1), make_items(6, 2, "dev")
    train[2].text = "<script>alert('a')</script> 100 $5$ 語 & co"
    train[3].name = "a&b<c>.wav"
    train[3].sound = train[3].sound * 0
    train[4].text = ""
    dev[1].speaker = "train0"
    return examine(folder, train, dev)


def test_the_page(diagnosis):
    page = render_html(diagnosis)
    text = Page(page).text
    assert "<script" not in page
    assert "a&b<c>.wav" in text and train_text(diagnosis) in text
    for finding in diagnosis.findings:
        assert finding.title in text and finding.remedy in text
    pictures = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(pictures) == 9
    for picture in pictures:
        ElementTree.fromstring(picture)
        assert "viewBox" in picture and "var(--" in picture
        assert not re.search(r"#0[0-9a-d]0[0-9a-e]0[0-9a-f]\b", picture)
    titles = ["Duration", "Label rate", "Peak", "Silence", "Level of speech", "Characters"]
    assert all(title in text for title in titles)


def train_text(diagnosis):
    return diagnosis.splits[0].texts[2]


def test_a_page_without_sound_or_text(tmp_path):
    items = make_items(3, 1)
    for item in items:
        item.text, item.sound = "", []
    diagnosis = examine(tmp_path, items)
    assert diagnosis.count("error") == 2
    Page(render_html(diagnosis))
    assert render_text(diagnosis).endswith("2 errors, 0 warnings, 0 notes")


def test_json_has_every_row(diagnosis):
    data = json.loads(json.dumps(as_json(diagnosis)))
    assert data["counts"]["error"] == diagnosis.count("error") == 1
    assert [f["title"] for f in data["findings"]] == [f.title for f in diagnosis.findings]
    assert [len(f["rows"]) for f in data["findings"]] == [len(f.rows) for f in diagnosis.findings]
    assert [split["name"] for split in data["data"]] == ["train", "dev"]
    assert data["data"][0]["speakers"] == 2 and data["data"][0]["utterances"] == 24
    assert data["thresholds"]["edge_silence"] == 2.0


def test_the_text_is_short_and_fits():
    rows = [Row(f"/far/away/train.csv:{n}", f"{'folder/' * 20}{n}.wav", f"{n} s") for n in range(9)]
    finding = Finding("warning", "x", "train", "9 recordings are odd", "Do " + "this " * 40, rows)
    lines = render_text(Diagnosis([], [finding]), 80).splitlines()
    assert all(len(line) <= 80 for line in lines)
    body = "\n".join(lines)
    assert "WARNING  train: 9 recordings are odd" in body
    assert "0 s  /far/away/train.csv:0  …" in body and "/0.wav" in body
    assert "... and 6 more" in body and "-> Do this" in body
    assert lines[-1] == "0 errors, 1 warning, 0 notes"
