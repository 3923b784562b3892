"""Segment time marks: TED-LIUM's folders, and single files."""

import numpy as np
import pytest
import soundfile

from open_seq2seq.corpora.importers.stm_text import plain_words
from open_seq2seq.data.audio import read_audio
from open_seq2seq.data.manifest import read_manifests
from tests.corpora.importers.layouts import rows_of, run, write_text
from tests.data.corpora import write_audio

TALK = """\
;; a comment
Talk_2009 1 inter_segment_gap 0 0.50 <o,,unknown> ignore_time_segment_in_scoring
Talk_2009 1 Talk 0.50 1.30 <o,f0,male> it 's the <unk> first(2) {BREATH} one
Talk_2009 1 Talk 1.3 2.05 <F0_M> <sil> don 't stop (Talk-1.3-2.05-F0_M-S28)
Talk_2009 1 Talk 2.1 2.4 <NA> <unk>
Talk_2009 1 Host 2.5 3.2 <o,f2,female> ignore_time_segment_in_scoring
"""


@pytest.fixture
def talks(tmp_path):
    root = tmp_path / "tedlium"
    write_text(root / "train" / "stm" / "Talk_2009.stm", TALK)
    # SPHERE as libsndfile writes it: PCM.
    (root / "train" / "sph").mkdir()
    wav = write_audio(tmp_path / "talk.wav", 4.0)
    samples, rate = soundfile.read(wav, dtype="int16")
    soundfile.write(root / "train" / "sph" / "Talk_2009.sph", samples, rate, format="NIST")
    write_text(root / "dev" / "stm" / "Other.stm", "Other A Some 0.0 1.0 hello\n")
    write_audio(root / "dev" / "wav" / "Other.wav", 2.0)
    return root


def test_segments_of_recordings(talks, tmp_path, capsys):
    out = tmp_path / "out"
    assert run("stm", talks, "--output", out) == 0
    text = (out / "train.csv").read_text().splitlines()
    sph = talks / "train/sph/Talk_2009.sph"
    size = sph.stat().st_size
    assert text == [
        "wav_filename,wav_filesize,transcript,duration,offset,speaker",
        f"{sph},{size},it's the first one,0.8,0.5,Talk",
        f"{sph},{size},don't stop,0.75,1.3,Talk",
    ]
    report = (out / "left_out_train.txt").read_text()
    stm = talks / "train/stm/Talk_2009.stm"
    assert report.startswith("3 that are no utterances:")
    assert f"{stm}:2: Talk_2009 from 0 to 0.50 s: not transcribed" in report
    assert f"{stm}:5: Talk_2009 from 2.1 to 2.4 s: no words (<unk>)" in report
    assert f"{stm}:6: Talk_2009 from 2.5 to 3.2 s: not transcribed" in report
    said = capsys.readouterr().out
    assert "left out: 3 that are no utterances" in said
    assert "Marks taken out of transcripts: <unk> (1), {breath} (1), <sil> (1)" in said
    assert rows_of(out / "dev.csv")[0]["transcript"] == "hello"


def test_the_data_layer_reads_the_segment(talks, tmp_path):
    assert run("stm", talks, "--splits", "train", "--output", tmp_path) == 0
    _, second = read_manifests([str(tmp_path / "train.csv")], need_transcript=True)
    samples = read_audio(second.path, 16000, second.offset, second.duration)
    whole, _ = soundfile.read(second.path, dtype="float32")
    np.testing.assert_array_equal(samples, whole[round(1.3 * 16000) :][: round(0.75 * 16000)])


def test_segments_with_unknown_words_can_be_left_out(talks, tmp_path):
    assert run("stm", talks, "--output", tmp_path, "--leave_out_unk") == 0
    assert [row["transcript"] for row in rows_of(tmp_path / "train.csv")] == ["don't stop"]
    assert (
        "a word that is not written down (<unk>)" in (tmp_path / "left_out_train.txt").read_text()
    )


def test_one_file_and_recordings_elsewhere(talks, tmp_path, capsys):
    stm = write_text(tmp_path / "eval.stm", "Other 1 X 0.25 1.5 a b\nOther 1 X 0.5 2.1 c d\n")
    assert run("stm", stm, "--audio", talks) == 0
    rows = rows_of(tmp_path / "eval.csv")
    # The second one ends after its recording and is shortened.
    assert [(row["offset"], row["duration"]) for row in rows] == [("0.25", "1.25"), ("0.5", "1.5")]
    assert "1 segment shortened to end with the recording" in capsys.readouterr().out


def test_mistakes(talks, tmp_path, capsys):
    stm = write_text(
        tmp_path / "eval.stm",
        "Other 1 X 0.0\nOther 1 X 1.0 0.5 a\nOther 1 X x 1 a\nOther 1 X 0 1 { a / b }\n"
        "Nobody 1 X 0 1 a\nNobody 1 X 1 2 a\nOther 1 X 1 2.6 a\nOther 1 X 3 4 a\n"
        "Other 1 X 1.5 2.3 a\n",
    )
    assert run("stm", stm, "--audio", talks) == 2
    said = capsys.readouterr().err
    for line, found in [
        (1, "4 fields"),
        (2, "a segment from '1.0' to '0.5'"),
        (3, "a segment from 'x' to '1'"),
        (4, "alternatives: '{ a / b }'"),
        (5, "no recording Nobody, for 2 lines"),
        (7, f"a segment from 1 s to 2.6 s of {talks}/dev/wav/Other.wav"),
        (8, f"a segment from 3 s to 4 s of {talks}/dev/wav/Other.wav"),
        (9, f"a segment from 1.5 s to 2.3 s of {talks}/dev/wav/Other.wav"),
    ]:
        assert f"{stm}:{line}: found {found}" in said
    assert "8 problems" in said
    assert run("stm", tmp_path / "out") == 2
    assert run("stm", talks / "train" / "sph") == 2
    assert "no *.stm" in capsys.readouterr().err


def test_two_channels_are_not_mixed(talks, capsys):
    write_audio(talks / "dev/wav/Other.wav", 2.0, channels=2)
    assert run("stm", talks, "--splits", "dev") == 2
    said = capsys.readouterr().err
    assert f"channel A of {talks}/dev/wav/Other.wav, which has 2" in said and "remix" in said


def test_compressed_sphere(talks, capsys):
    (talks / "train/sph/Talk_2009.sph").write_bytes(
        b"NIST_1A\n   1024\nsample_coding -s10 shorten\n"
    )
    assert run("stm", talks, "--splits", "train") == 2
    said = capsys.readouterr().err
    assert "sph2pipe -f wav -p" in said and "for 2 utterances" in said and "1 problem)" in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a  <sil> b {NOISE} c", "a b c"),
        ("we 're he 'd I 'LL they 've i 'm", "we're he'd I'LL they've i'm"),
        ("'s is said 'til then 'em", "'s is said 'til then 'em"),
        ("read(2) it (%hesitation) now", "read it %hesitation now"),
        ("so (AlGore_2009-12.30-15.00-F0_M-S3)", "so"),
        ("well (maybe)", "well maybe"),
        ("{ a / @ } b", None),
        ("", ""),
    ],
)
def test_words_of_a_transcript(text, words):
    assert plain_words(text)[0] == words
