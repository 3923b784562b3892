"""Common Voice, LJ Speech, the spoken digits: corpora with a table, or with telling names."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from open_seq2seq.corpora.importers.common_voice import unquoted
from tests.corpora.importers.layouts import rows_of, run, write_text
from tests.data.corpora import write_audio

COLUMNS = "client_id\tpath\tsentence_id\tsentence\tup_votes\tlocale\n"


@pytest.fixture
def voices(tmp_path):
    """German: two clips of training, one of testing, one that no part has."""
    root = tmp_path / "cv" / "de"
    for name in ("one.mp3", "two.mp3", "three.mp3", "four.mp3"):
        write_audio(root / "clips" / name, 0.6, rate=32000)
    train = 'ab\tone.mp3\t1\tÜber 5 „Äpfel“, \t2\tde\ncd\ttwo\t2\t"Sagt er ""ja""."\t2\tde\n'
    write_text(root / "train.tsv", COLUMNS + train)
    write_text(root / "test.tsv", COLUMNS + "ab\tthree.mp3\t3\tDritter Satz.\t3\tde\n")
    write_text(root / "validated.tsv", COLUMNS + train + "ef\tfour.mp3\t4\tVier\t2\tde\n")
    write_text(root / "clip_durations.tsv", "clip\tduration[ms]\none.mp3\t600\n")
    return root


def test_common_voice(voices, tmp_path):
    out = tmp_path / "out"
    assert run("common_voice", voices, "--output", out) == 0
    assert sorted(path.name for path in out.iterdir()) == ["test.csv", "train.csv"]
    rows = rows_of(out / "train.csv")
    assert [row["wav_filename"] for row in rows] == [
        str(voices / "clips/one.mp3"),
        str(voices / "clips/two.mp3"),
    ]
    assert [row["transcript"] for row in rows] == ["Über 5 „Äpfel“,", 'Sagt er "ja".']
    assert [row["speaker"] for row in rows] == ["ab", "cd"]
    assert float(rows[0]["duration"]) == pytest.approx(0.6, abs=0.08)


def test_common_voice_normalised(voices, tmp_path):
    flags = ("--splits", "validated", "--text_normalization", "plain", "--output", tmp_path)
    assert run("common_voice", voices, *flags) == 0
    texts = [row["transcript"] for row in rows_of(tmp_path / "validated.csv")]
    assert texts == ["über 5 äpfel", "sagt er ja", "vier"]


def test_common_voice_mistakes(voices, capsys):
    table = voices / "train.tsv"
    text = "ab\tnone.mp3\t1\ta\t2\tde\nab\tone.mp3\t1\n\nab\tone.mp3\t1\t\t2\tde\n"
    write_text(table, COLUMNS + text)
    write_text(voices / "test.tsv", "a\tb\n")
    assert run("common_voice", voices) == 2
    said = capsys.readouterr().err
    assert f"{table}:2: found 'none.mp3', which is not in {voices}/clips" in said
    assert f"{table}:3: found 3 cells, expected 6 (client_id, path" in said
    assert f"{table}:5: found an empty transcript" in said
    assert f"{voices}/test.tsv:1: found the columns 'a', 'b'" in said
    assert "4 problems" in said


def test_common_voice_of_several_languages(voices, capsys):
    assert run("common_voice", voices.parent) == 2
    assert "Give one language: de." in capsys.readouterr().err


@settings(max_examples=40)
@given(st.text(alphabet='a"b '))
def test_quotes_around_a_cell_are_taken_off(text):
    assert unquoted(f'"{text.replace(chr(34), chr(34) * 2)}"') == text


@pytest.mark.parametrize("cell", ['"', '"a" said "b"', 'says "a"', "a", "", '"a" b"'])
def test_other_quotes_stay(cell):
    assert unquoted(cell) == cell


def test_ljspeech(tmp_path, capsys):
    root = tmp_path / "LJSpeech-1.1"
    for name in ("LJ001-0001", "LJ001-0002", "LJ001-0003"):
        write_audio(root / "wavs" / f"{name}.wav", 0.5, rate=22050)
    table = write_text(
        root / "metadata.csv",
        'LJ001-0001|In "1455", etc.|In "fourteen fifty-five", etcetera.\n'
        "LJ001-0002|Dr. No|Doctor No\nLJ001-0003|only this\n",
    )
    assert run("ljspeech", root, "--output", tmp_path) == 0
    rows = rows_of(tmp_path / "LJSpeech-1.1.csv")
    texts = ['In "fourteen fifty-five", etcetera.', "Doctor No", "only this"]
    assert [row["transcript"] for row in rows] == texts
    assert [row["duration"] for row in rows] == ["0.5"] * 3
    assert "speaker" not in rows[0]
    assert run("ljspeech", root, "--raw", "--output", tmp_path) == 0
    raw = [row["transcript"] for row in rows_of(tmp_path / "LJSpeech-1.1.csv")]
    assert raw == ['In "1455", etc.', "Dr. No", "only this"]
    write_text(table, "LJ001-0001|a|b|c\nLJ009-0001|a|b\nLJ001-0001|a|b\n")
    assert run("ljspeech", root) == 2
    said = capsys.readouterr().err
    assert f"{table}:1: found 4 cells" in said and f"{table}:2: found no LJ009-0001" in said
    assert run("ljspeech", root / "wavs") == 2
    assert "no metadata.csv and no wavs" in capsys.readouterr().err


def test_spoken_digits(tmp_path, capsys):
    for name in ("7_jackson_0", "7_jackson_5", "0_theo_8", "3_theo_49"):
        write_audio(tmp_path / "recordings" / f"{name}.wav", 0.4, rate=8000)
    out = tmp_path / "out"
    assert run("fsdd", tmp_path, "--output", out) == 0
    table = {
        name: [(row["transcript"], row["speaker"]) for row in rows_of(out / f"{name}.csv")]
        for name in ("train", "dev", "test")
    }
    assert table == {
        "train": [("zero", "theo"), ("three", "theo")],
        "dev": [("seven", "jackson")],
        "test": [("seven", "jackson")],
    }
    (tmp_path / "recordings" / "seven.wav").touch()
    assert run("fsdd", tmp_path / "recordings", "--output", out, "--splits", "test") == 2
    assert "seven.wav: found another name" in capsys.readouterr().err
    flags = ("--output", out, "--splits", "test", "--skip_bad_rows")
    assert run("fsdd", tmp_path / "recordings", *flags) == 0
    assert "seven.wav" in (out / "left_out_test.txt").read_text()
    assert run("fsdd", out) == 2
    assert "no recordings" in capsys.readouterr().err
