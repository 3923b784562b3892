"""Each fault is planted in a corpus that has none, and found there; nothing else is."""

from __future__ import annotations

import math
from unittest.mock import patch

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from open_seq2seq.corpora.doctor.diagnosis import as_json, diagnose, summary
from open_seq2seq.corpora.doctor.split import split_of
from open_seq2seq.data.audio import resample
from open_seq2seq.data.manifest import Utterance
from open_seq2seq.data.text import Vocabulary
from tests.corpora.doctor.speech import (
    LETTERS,
    RATE,
    VOCABULARY,
    examine,
    found,
    make_items,
    make_speech,
    make_text,
)


@settings(max_examples=2)
@given(seed=st.integers(0, 10**6))
def test_a_clean_corpus_has_no_findings(tmp_path_factory, seed):
    folder = tmp_path_factory.mktemp("clean")
    train, dev = make_items(20, seed), make_items(6, seed + 1, "dev")
    for vocabulary in (None, VOCABULARY):
        assert examine(folder, train, dev, vocabulary).findings == []


def planted(folder, items, fault, vocabulary=None):
    """The findings of a corpus with one more row, all of them."""
    return found(examine(folder, [*items, fault], vocabulary=vocabulary))


def only(findings, level, check):
    """The one finding there is."""
    assert list(findings) == [(level, check)]
    return findings[level, check]


# Training's start


def test_files_that_are_missing_or_damaged(folder, items):
    soundfile.write(folder / "whole.flac", items[0].sound, RATE)
    data = (folder / "whole.flac").read_bytes()
    (folder / "cut.flac").write_bytes(data[: len(data) // 2])
    middle = len(data) // 2
    (folder / "bad.flac").write_bytes(data[:middle] + bytes(50) + data[middle + 50 :])
    names = ("missing.wav", "cut.flac", "bad.flac")
    missing, cut, bad = (items[0].but(name=name, sound=[]) for name in names)
    findings = found(examine(folder, [*items[1:], missing, cut, bad]))
    # The last frame of a file tells that it is cut; what is damaged within is found by decoding.
    unreadable = findings["error", "unreadable file"].rows
    assert [row.name for row in unreadable] == ["missing.wav", "cut.flac"]
    assert "header says" in unreadable[1].value
    damaged = findings["error", "damaged file"]
    assert [row.name for row in damaged.rows] == ["bad.flac"]
    assert "does not decode" in damaged.rows[0].value
    assert damaged.rows[0].where.endswith("train.csv:27")


def test_what_training_refuses_in_texts(folder, items):
    items[3].text, items[4].text, items[5].text = "", "naïve Ronα", "αα" + items[5].text[2:]
    findings = found(examine(folder, items, vocabulary=VOCABULARY))
    assert len(findings["error", "empty transcript"].rows) == 1
    each = findings["error", "unknown character"].rows
    assert {row.where.rsplit("/")[-1] for row in each} == {
        "train.csv:6, transcript column 3",
        "train.csv:6, transcript column 4",
        "train.csv:6, transcript column 7",
        "train.csv:6, transcript column 10",
        "train.csv:7, transcript column 1",
    }
    characters = findings["error", "characters outside"]
    assert characters.rows[0].value == "'α' U+03B1 GREEK SMALL LETTER ALPHA: 3 times in 2 texts"
    assert characters.title == "4 characters are outside the vocabulary"


def test_a_duration_that_is_not_the_files(folder, items):
    utterances = [
        Utterance(str(folder / item.name), item.name, item.text, len(item.sound) / RATE, f"m:{n}")
        for n, item in enumerate(items)
    ]
    utterances[7] = Utterance(str(folder / items[7].name), "x", items[7].text, 9.0, "m:7")
    diagnosis = diagnose([split_of("train", [], utterances, RATE)], workers=1)
    finding = only(found(diagnosis), "error", "false duration")
    assert finding.rows[0].where == "m:7" and "duration 9 s" in finding.rows[0].value


# Outliers


@pytest.mark.parametrize(
    ("seconds", "check"), [(9.0, "long recordings"), (0.3, "short recordings")]
)
def test_durations(folder, items, seconds, check):
    rng = np.random.default_rng(5)
    fault = items[0].but(
        name="odd.wav", text=make_text(round(14 * seconds), rng), sound=make_speech(seconds, rng)
    )
    finding = only(planted(folder, items, fault), "warning", check)
    assert [(row.name, row.value) for row in finding.rows] == [("odd.wav", f"{seconds:.2f} s")]


@pytest.mark.parametrize(("factor", "check"), [(2.6, "much text"), (0.3, "little text")])
def test_label_rates(folder, items, factor, check):
    rng = np.random.default_rng(6)
    fault = items[0].but(
        name="odd.wav", text=make_text(round(14 * 1.5 * factor), rng), sound=make_speech(1.5, rng)
    )
    finding = only(planted(folder, items, fault), "warning", check)
    assert [row.name for row in finding.rows] == ["odd.wav"]
    assert finding.rows[0].text == fault.text
    assert finding.rows[0].value == f"{len(fault.text) / 1.5:.1f} characters/s"


def test_label_rates_are_those_of_the_speaker(tmp_path):
    """What is usual for a fast speaker is not for a slow one."""
    rng = np.random.default_rng(7)
    items = make_items(48, seed=7)
    for index, item in enumerate(items):
        item.text = make_text(round(len(item.sound) / RATE * (7, 21)[index % 2]), rng)
    assert examine(tmp_path, items).findings == []
    items[0].text = make_text(round(len(items[0].sound) / RATE * 21), rng)
    finding = only(found(examine(tmp_path, items)), "warning", "much text")
    assert [row.name for row in finding.rows] == ["train0.wav"]


# Sound


def faulty(items, change):
    """The first recording again, with its sound changed and another text."""
    rng = np.random.default_rng(8)
    text = make_text(len(items[0].text), rng)
    return items[0].but(name="odd.wav", text=text, sound=change(items[0].sound.copy()))


def loud_parts_cut(sound):
    return np.clip(sound * 8, -1, 1)


def long_silence_before(sound):
    return np.concatenate([np.zeros(2 * RATE + 4000, np.float32), sound[: RATE // 2]])


def half_the_band(sound):
    return resample(resample(sound, RATE, RATE // 2), RATE // 2, RATE)


@pytest.mark.parametrize(
    ("check", "change", "value"),
    [
        ("clipping", loud_parts_cut, "% of the samples"),
        ("level", lambda sound: sound * 0.02, "-59 dBFS"),
        (
            "steady sound",
            lambda sound: np.random.default_rng(1).normal(0, 0.1, len(sound)),
            "to -20 dBFS",
        ),
        ("DC offset", lambda sound: sound + 0.02, "mean +0.0"),
        ("bandwidth", half_the_band, "Hz at 16000 Hz"),
        ("silent file", lambda sound: 0 * sound, "samples, all equal"),
        ("silent file", lambda sound: sound * 1e-3, "peak -"),
        ("silent file", lambda sound: 0 * sound + 0.25, "samples, all equal"),
        ("channels", lambda sound: np.stack([sound, -0.99 * sound], 1), "below the channels"),
    ],
)
def test_faults_of_a_recording(folder, items, check, change, value):
    findings = planted(folder, items, faulty(items, change))
    finding = findings.pop(("warning", check))
    assert [row.name for row in finding.rows] == ["odd.wav"]
    assert value in finding.rows[0].value
    # Two channels where the others have one is worth a note too.
    assert set(findings) <= {("note", "mixed channels"), ("note", "training's start")}


def test_a_speaker_whose_recordings_all_have_it(folder, items):
    for number in (1, 3, 5):
        (folder / items[number].name).unlink()
        items[number].sound = items[number].sound + 0.05
    finding = only(found(examine(folder, items)), "warning", "DC offset")
    assert finding.title == "3 recordings have a DC offset, all of speaker train1"


def test_silence(folder, items):
    rng = np.random.default_rng(9)
    begins = faulty(items, long_silence_before)
    begins.text = make_text(round(14 * len(begins.sound) / RATE), rng)
    finding = planted(folder, items, begins)
    assert set(finding) == {("warning", "silence"), ("warning", "silent ends")}
    assert finding["warning", "silent ends"].rows[0].value.startswith("2.2 s before, 0.0 s after")
    ends = begins.but(name="ends.wav", sound=begins.sound[::-1])
    finding = planted(folder, items, ends)["warning", "silent ends"]
    assert finding.rows[0].value.startswith("0.0 s before, 2.2 s after")


def test_formats_that_differ(folder, items):
    sound = resample(items[0].sound, RATE, 8000)
    text = make_text(len(items[0].text), np.random.default_rng(1))
    findings = planted(
        folder, items, items[0].but(name="odd.flac", text=text, sound=sound, rate=8000)
    )
    assert [row.name for row in findings["warning", "sample rate"].rows] == ["odd.flac"]
    told = findings["note", "mixed sample rates"].title
    assert told == "Recordings have different sample rates: 16000 Hz (24), 8000 Hz (1)"
    assert "WAV PCM_16 (24), FLAC PCM_16 (1)" in findings["note", "mixed codecs"].title
    assert ("note", "training's start") in findings  # "1 recordings at 8000 Hz are resampled"
    assert ("warning", "bandwidth") not in findings  # it fills its own band


def test_a_segment_is_judged_alone(folder, items):
    """The file is silent and clipped where no segment is."""
    sound = np.concatenate([np.zeros(4 * RATE), np.ones(RATE), *(i.sound for i in items)])
    soundfile.write(folder / "long.wav", sound, RATE)
    utterances, start = [], 5.0
    for number, item in enumerate(items):
        seconds = len(item.sound) / RATE
        utterances.append(
            Utterance(
                str(folder / "long.wav"), "long.wav", item.text, seconds, f"m:{number}", start
            )
        )
        start += seconds
    diagnosis = diagnose([split_of("train", [], utterances, RATE)])
    assert diagnosis.findings == []
    assert summary(diagnosis.splits[0])["hours"] == pytest.approx((start - 5) / 3600)
    utterances[0] = Utterance(str(folder / "long.wav"), "long.wav", "no", 1.5, "m:0", 1.0)
    findings = found(diagnose([split_of("train", [], utterances, RATE)]))
    assert findings["warning", "silent file"].rows[0].where == "m:0"


# Twice


def test_the_same_samples_in_another_container(folder, items):
    copy = items[3].but(name="copy.flac")
    soundfile.write(folder / "copy.flac", soundfile.read(folder / items[3].name)[0], RATE)
    findings = planted(folder, items, copy)
    rows = findings["warning", "duplicate audio"].rows
    assert [row.name for row in rows] == ["copy.flac"] and "train.csv:5 (train3.wav)" in rows[
        0
    ].value
    assert findings["note", "repeated text"].rows[0].value == "2 times"
    copy.text = make_text(len(copy.text), np.random.default_rng(1))
    findings = planted(folder, items, copy)
    rows = findings["warning", "contradicting texts"].rows
    assert [row.name for row in rows] == ["copy.flac"] and items[3].text in rows[0].value


def test_the_same_recording_encoded_again(folder, items):
    items[3].text = "no one is so near"
    items[3].sound = items[3].sound[: round(RATE * 1.3)]
    (folder / items[3].name).unlink()
    copy = items[3].but(name="copy.ogg", sound=items[3].sound * 0.3)
    other = items[3].but(name="other.wav", sound=make_speech(1.3, np.random.default_rng(3)))
    findings = found(examine(folder, [*items, copy, other]))
    assert [row.name for row in findings["warning", "duplicate audio"].rows] == ["copy.ogg"]
    # Each copy is named once, whatever it is a copy of.
    findings = examine(folder, [*items, copy, other, copy, items[3]]).findings
    rows = [r.name for f in findings if f.check == "duplicate audio" for r in f.rows]
    assert sorted(rows) == ["copy.ogg", "copy.ogg", "train3.wav"]


def test_segments_that_overlap(folder, items):
    sound = np.concatenate([item.sound for item in items])
    soundfile.write(folder / "long.wav", sound, RATE)
    long = str(folder / "long.wav")
    utterances = [
        Utterance(long, "long.wav", item.text, 1.5, f"m:{number}", 1.5 * number)
        for number, item in enumerate(items)
    ]
    utterances.append(Utterance(long, "long.wav", items[0].text[::-1], 1.5, "m:99", 7.7))
    findings = found(diagnose([split_of("train", [], utterances, RATE)], workers=1))
    finding = only(findings, "warning", "overlap")
    # 7.7 is most of the one that begins at 7.5.
    assert [(row.where, row.value) for row in finding.rows] == [("m:99", "1.30 s shared with m:5")]


def test_leaks(folder, items):
    dev = make_items(6, 2, "dev")
    dev[0].text = items[0].text.upper() + "!"
    dev[1].speaker = items[1].speaker
    dev[2].text = " ".join(items[2].text.split()[:3])
    items[2].text = dev[2].text
    soundfile.write(folder / "leak.flac", soundfile.read(folder / items[5].name)[0], RATE)
    dev[3] = items[5].but(name="leak.flac", text="iii eee aaa ooo", speaker="dev1")
    findings = found(examine(folder, items, dev))
    audio = findings["warning", "leaked audio"]
    assert audio.split == "dev"
    assert [(row.name, row.value) for row in audio.rows] == [
        ("leak.flac", f"as {folder}/train.csv:7 (train5.wav)")
    ]
    assert [row.name for row in findings["warning", "leaked text"].rows] == ["dev0.wav"]
    assert findings["note", "shared short text"].title.startswith("1 transcript of less than 4")
    speakers = findings["warning", "leaked speaker"]
    assert speakers.title == "1 of 3 speakers is in the training data too"
    assert speakers.rows[0].text == items[1].speaker


# Texts


def test_symbols_without_examples(folder, items):
    items[0].text = items[0].text[:-1] + "z"
    findings = found(
        examine(folder, items, make_items(3, 2, "dev"), vocabulary=Vocabulary(" xyz" + LETTERS))
    )
    unused = findings["note", "unused symbols"]
    assert [row.value[1] for row in unused.rows] == ["x", "y"]
    rare = findings["note", "rare symbols"]
    assert [row.value for row in rare.rows] == ["'z' U+007A LATIN SMALL LETTER Z: once"]
    assert rare.rows[0].where.endswith("train.csv:2")


def test_characters_that_only_held_out_data_has(folder, items):
    dev = make_items(3, 2, "dev")
    dev[1].text = "q" + dev[1].text[1:]
    finding = only(found(examine(folder, items, dev)), "warning", "unseen characters")
    assert finding.rows[0].value == "'q' U+0071 LATIN SMALL LETTER Q: once"
    assert finding.split == "dev"


@pytest.mark.parametrize(
    ("level", "check", "text", "value"),
    [
        ("warning", "Unicode form", "cafe\u0301 rosa", "U+0301 COMBINING ACUTE ACCENT"),
        ("warning", "invisible characters", "so\u200bno rest", "U+200B ZERO WIDTH SPACE"),
        ("warning", "invisible characters", "so\u00a0no rest", "U+00A0 NO-BREAK SPACE"),
        ("warning", "invisible characters", "\ufeffso no rest", "U+FEFF"),
        ("warning", "look-alikes", "tra\u0456n seat", "tra\u0456n: '\u0456' U+0456 CYRILLIC"),
        ("warning", "spaces", " so  no rest", "at the start, several between words"),
        ("warning", "spaces", "so no rest ", "at the end"),
        ("warning", "tags", "so <noise> rest [laughs]", "<noise> [laughs]"),
        ("note", "digits", "at 10 or 1st", "10 1st"),
        ("note", "punctuation", "so, rest.", "',' U+002C COMMA, '.' U+002E FULL STOP"),
        ("note", "case", "Rose is in Estonia", "'R' U+0052"),
    ],
)
def test_how_texts_are_written(folder, items, level, check, text, value):
    items[2].text = text + items[2].text[len(text) :].lstrip()
    if check == "spaces":
        items[2].text = text
    findings = found(examine(folder, items))
    finding = findings[level, check]
    assert [row.name for row in finding.rows] == ["train2.wav"]
    assert value in finding.rows[0].value
    # Characters that are new are rare too; marks of tags are punctuation.
    assert set(findings) <= {(level, check), ("note", "rare symbols"), ("note", "punctuation"),
                             ("warning", "little text"), ("note", "digits")}  # fmt: skip


def test_what_the_vocabulary_has_is_not_suggested_away(folder, items):
    items[2].text = "At 10, so-so; isn't it" + items[2].text[22:]
    vocabulary = Vocabulary(" A10,;-'" + LETTERS)
    checks = {check for _, check in found(examine(folder, items, vocabulary=vocabulary))}
    assert not checks & {"digits", "punctuation", "case", "unknown character"}


def test_several_forms_of_a_mark(folder, items):
    items[2].text = "isn't it" + items[2].text[8:]
    items[3].text = "isn’t it" + items[3].text[8:]
    finding = found(examine(folder, items))["note", "forms of a mark"]
    assert finding.title == "One mark is written as ' (1), ’ (1)"
    assert [row.name for row in finding.rows] == ["train3.wav"]


# All together


def test_voices_of_one_text(tmp_path, items):
    """A `{}` in a path stands for each voice; all of them are listened to."""
    for voice in ("anna", "otto"):
        (tmp_path / voice).mkdir()
        for item in items[:4]:
            sound = item.sound * (1 if voice == "anna" else 0)
            soundfile.write(tmp_path / voice / item.name, sound, RATE)
    utterances = [
        Utterance(str(tmp_path / "{}" / i.name), f"{{}}/{i.name}", i.text, None, f"m:{n}")
        for n, i in enumerate(items[:4])
    ]
    split = split_of("train", [], utterances, RATE)
    split.report = type(split.report)()
    split.subdirs = ["anna", "otto"]
    findings = found(diagnose([split]))
    silent = findings["warning", "silent file"]
    assert sorted(row.name for row in silent.rows) == [f"otto/{i.name}" for i in items[:4]]


def test_threads_and_headers_only(folder, items):
    dev = make_items(3, 2, "dev")
    items[3].text = "so NO"
    one, many = examine(folder, items, dev), examine(folder, items, dev, listen=True)
    assert as_json(one) == as_json(many)
    with patch("open_seq2seq.corpora.doctor.diagnosis.measure_all", side_effect=AssertionError):
        quick = examine(folder, items, dev, listen=False)
    assert {f.check for f in quick.findings} == {f.check for f in one.findings}
    assert summary(quick.splits[0])["hours"] == summary(one.splits[0])["hours"]


def test_levels_that_fail(folder, items):
    diagnosis = examine(folder, items)
    assert not any(diagnosis.fails(level) for level in ("error", "warning", "never"))
    items[2].text = "Rose" + items[2].text[4:]
    diagnosis = examine(folder, items)
    assert diagnosis.count("note") and not diagnosis.fails("warning")
    items[2].text = " " + items[2].text
    diagnosis = examine(folder, items)
    assert diagnosis.fails("warning") and not diagnosis.fails("error")
    items[2].text = ""
    diagnosis = examine(folder, items)
    assert diagnosis.fails("error") and diagnosis.fails("warning") and not diagnosis.fails("never")
    assert not math.isnan(sum(as_json(diagnosis)["counts"].values()))
