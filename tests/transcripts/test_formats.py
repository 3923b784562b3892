"""Files of transcripts, read back by parsers of their own."""

import json
import re

import pandas as pd
import pytest

from open_seq2seq.data.manifest import read_manifests
from open_seq2seq.decode_result import DecodeResult, Word
from open_seq2seq.errors import InputError, RunError
from open_seq2seq.transcripts import Transcript, recording_names, text_format, transcript_writer

SAID = DecodeResult(
    "we <all> & some --> go",
    -1.5,
    (
        Word("we", 0.5, 0.7, 0.9),
        Word("<all>", 0.8, 1.25, 0.8),
        Word("&", 1.3, 1.3, 0.7),
        Word("some", 1.4, 1.6, 0.6),
        Word("-->", 1.7, 1.7, 0.5),
        Word("go", 3661.2, 3661.9996, 0.4),
    ),
    nbest=(DecodeResult("we go", -1.5, ()), DecodeResult("he goes", -2.5, ())),
    acoustic_score=-1.0,
    lm_score=-0.5,
)
NOTHING = DecodeResult("", float("-inf"), ())


def write(path, *transcripts):
    with transcript_writer(path, [one.name for one in transcripts]) as writer:
        for one in transcripts:
            writer.add(one)
    return path


# --- the formats' grammars, as their specifications write them


def parse_srt(text):
    """SubRip: number, times, lines, empty line."""
    if not text:
        return []
    assert text.endswith("\n\n") and "\r" not in text
    cues = []
    for number, block in enumerate(text[:-2].split("\n\n"), start=1):
        first, times, *lines = block.split("\n")
        assert first == str(number) and lines and all(line.strip() for line in lines)
        stamp = r"(\d\d+):([0-5]\d):([0-5]\d),(\d{3})"
        match = re.fullmatch(f"{stamp} --> {stamp}", times)
        assert match, times
        cues.append((*seconds(match.groups()), lines))
    return cues


def parse_webvtt(text):
    """https://www.w3.org/TR/webvtt1/#syntax: a WebVTT file body of cue blocks."""
    lines = text.split("\n")
    assert lines[0] == "WEBVTT" and lines[1] == ""
    cues, body = [], "\n".join(lines[2:])
    for block in filter(None, body.split("\n\n")):
        times, *payload = block.split("\n")
        stamp = r"(\d\d+):([0-5]\d):([0-5]\d)\.(\d{3})"
        match = re.fullmatch(f"{stamp} --> {stamp}", times)
        assert match and payload, block
        for line in payload:
            assert line and "-->" not in line and "<" not in line and ">" not in line
            assert not re.sub(r"&(amp|lt|gt|lrm|rlm|nbsp);", "", line).count("&")
        plain = [
            one.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") for one in payload
        ]
        cues.append((*seconds(match.groups()), plain))
    return cues


def seconds(groups):
    h, m, s, ms = map(int, groups[:4])
    h2, m2, s2, ms2 = map(int, groups[4:])
    start, end = h * 3600 + m * 60 + s + ms / 1000, h2 * 3600 + m2 * 60 + s2 + ms2 / 1000
    assert end > start
    return start, end


@pytest.mark.parametrize(("ending", "parse"), [(".srt", parse_srt), (".vtt", parse_webvtt)])
def test_subtitles(tmp_path, ending, parse):
    path = write(tmp_path / f"film{ending}", Transcript("film.wav", SAID))
    first, second = parse(path.read_text())
    assert first[2] == ["we <all> & some -->"] and second[2] == ["go"]
    assert first[:2] == (0.5, 1.7) and second[0] == pytest.approx(3661.2)
    path = write(tmp_path / f"silence{ending}", Transcript("silence.wav", NOTHING))
    assert parse(path.read_text()) == []


def test_times_are_rounded_to_a_whole_second_where_they_are(tmp_path):
    path = write(
        tmp_path / "x.srt", Transcript("x", DecodeResult("a", 0, (Word("a", 59.9996, 62, 1),)))
    )
    assert path.read_text().startswith("1\n00:01:00,000 --> 00:01:02,000\na\n")


def test_subtitles_of_several_recordings_have_a_file_each(tmp_path):
    two = Transcript("a/one.wav", SAID), Transcript("a/two.wav", NOTHING)
    with pytest.raises(InputError, match=re.escape(f"{tmp_path}/{{}}.srt")):
        write(tmp_path / "all.srt", *two)
    assert list(tmp_path.iterdir()) == []
    write(tmp_path / "{}.srt", *two)  # the remedy
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.srt", "two.srt"]
    write(tmp_path / "same" / "{}.vtt", Transcript("a/1.wav", SAID), Transcript("/b/1.wav", SAID))
    assert sorted(path.name for path in (tmp_path / "same").iterdir()) == ["a-1.vtt", "b-1.vtt"]


def test_segments_of_a_recording_are_in_one_file_of_subtitles(tmp_path):
    late = DecodeResult("late", -1.0, (Word("late", 0.5, 0.9, 0.5),))
    early = DecodeResult("early", -1.0, (Word("early", 0.25, 0.5, 0.5),))
    path = write(
        tmp_path / "x.srt",
        Transcript("talk.wav", late, 30.0, 2.0, "@30.0+2.0"),
        Transcript("talk.wav", early, 10.0, 2.0, "@10.0+2.0"),
    )
    found = [(start, lines) for start, _, lines in parse_srt(path.read_text())]
    assert found == [(10.25, ["early"]), (30.5, ["late"])]
    with transcript_writer(tmp_path / "y.srt", ["talk.wav"] * 2) as writer:
        writer.add(Transcript("talk.wav", late, 30.0, 2.0))
        writer.skip("talk.wav")  # the other could not be read
    assert parse_srt((tmp_path / "y.srt").read_text())


def test_json_lines(tmp_path):
    path = write(
        tmp_path / "x.jsonl",
        Transcript("ü.wav", SAID),
        Transcript("b.wav", NOTHING, 1.5, 2.0, "@1.5+2.0"),
    )
    first, second = map(json.loads, path.read_text().splitlines())
    assert first["wav_filename"] == "ü.wav" and first["text"] == SAID.text
    assert first["words"][1] == {"text": "<all>", "start": 0.8, "end": 1.25, "confidence": 0.8}
    assert [one["text"] for one in first["nbest"]] == ["we go", "he goes"]
    assert (first["score"], first["acoustic_score"], first["lm_score"]) == (-1.5, -1.0, -0.5)
    assert "offset" not in first
    assert second["wav_filename"] == "b.wav@1.5+2.0"
    assert (second["offset"], second["duration"], second["score"]) == (1.5, 2.0, None)
    from open_seq2seq.language_models.nbest import read_nbest

    lists = read_nbest(str(write(tmp_path / "y.json", Transcript("a", SAID))))
    assert [one.text for one in lists[0].hypotheses] == ["we go", "he goes"]


def test_ctm(tmp_path):
    path = write(
        tmp_path / "x.ctm",
        Transcript("a b/my talk.wav", SAID, 100.0, 4000.0),
        Transcript("c.wav", NOTHING),
    )
    lines = [line.split(" ") for line in path.read_text().splitlines()]
    assert all(len(line) == 6 for line in lines) and len(lines) == 6
    assert lines[1] == ["my_talk", "1", "100.800", "0.450", "<all>", "0.8000"]


def test_csv_is_the_same_as_ever(tmp_path):
    comma = Transcript('a,"b".wav', DecodeResult("x", 0.0, ()))
    path = write(tmp_path / "x.txt", comma, Transcript("b.wav", NOTHING))
    table = pd.read_csv(path, keep_default_na=False)
    assert table.to_dict("list") == {
        "wav_filename": ['a,"b".wav', "b.wav"],
        "predicted_transcript": ["x", ""],
    }
    assert len(read_manifests([str(path)], need_transcript=False)) == 2


def test_what_was_written_before_an_error_is_kept(tmp_path):
    with (
        pytest.raises(KeyboardInterrupt),
        transcript_writer(tmp_path / "x.jsonl", ["a", "b"]) as writer,
    ):
        writer.add(Transcript("a", SAID))
        raise KeyboardInterrupt
    (kept,) = tmp_path.iterdir()
    assert json.loads(kept.read_text())["wav_filename"] == "a"
    with (
        pytest.raises(ZeroDivisionError),
        transcript_writer(tmp_path / "{}.srt", ["c", "d"]) as writer,
    ):
        writer.add(Transcript("c", SAID))
        raise ZeroDivisionError
    assert (tmp_path / "c.srt").exists() and not (tmp_path / "d.srt").exists()


def test_a_wrong_place_is_noticed_before_anything_is_given(tmp_path):
    with pytest.raises(RunError, match="folder"), transcript_writer(tmp_path, ["a"]):
        raise AssertionError("work was done")


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.CSV", "CSV"), ("a.txt", "CSV"), ("a", "CSV"), ("a.JSONL", "JSON lines"),
     ("a.json", "JSON lines"), ("a.ctm", "CTM"), ("a.srt", "SRT subtitles"),
     ("a.vtt", "WebVTT subtitles"), ("/dev/stdout", "CSV")],
)  # fmt: skip
def test_the_ending_is_the_format(name, kind):
    assert text_format(name).name == kind


def test_short_names_are_never_confused():
    assert recording_names(["a/1.wav", "b/2.wav", "a/1.wav"]) == ["1", "2", "1"]
    assert recording_names(["a/1.wav", "b/1.wav"]) == ["a/1", "b/1"]
    assert recording_names(["a/1.wav", "a/1.flac"]) == ["a/1.wav", "a/1.flac"]
    assert recording_names(["my talk.wav"]) == ["my_talk"]
