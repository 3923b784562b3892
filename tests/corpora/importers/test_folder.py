"""Folders of recordings with a text beside each."""

import pytest

from tests.corpora.importers.layouts import rows_of, run, write_text
from tests.data.corpora import write_audio


@pytest.fixture
def folder(tmp_path):
    """Two speakers, one of them in sessions, in several formats and encodings."""
    root = tmp_path / "mine"
    write_audio(root / "anna" / "1.wav", 0.5)
    write_text(root / "anna" / "1.txt", "\ufeffTurn the\r\nlight on.\r\n")
    write_audio(root / "anna" / "2.flac", 0.6)
    (root / "anna" / "2.TXT").write_bytes("Größe".encode("utf-16"))
    write_audio(root / "ben" / "monday" / "a.b.WAV", 0.7)
    write_text(root / "ben" / "monday" / "a.b.WAV.txt", "What\u00a0time?")
    return root


def test_recordings_and_texts_of_one_name(folder, tmp_path, capsys):
    assert run("folder", folder, "--output", tmp_path, "--speaker_folder") == 0
    rows = rows_of(tmp_path / "mine.csv")
    assert [(row["wav_filename"], row["transcript"], row["speaker"]) for row in rows] == [
        (str(folder / "anna/1.wav"), "Turn the light on.", "anna"),
        (str(folder / "anna/2.flac"), "Größe", "anna"),
        (str(folder / "ben/monday/a.b.WAV"), "What time?", "ben"),
    ]
    assert [float(row["duration"]) for row in rows] == pytest.approx([0.5, 0.6, 0.7])
    said = capsys.readouterr().out
    assert "3 utterances, 0.00 h, 2 speakers" in said
    assert "in 2 transcripts" in said and "no-break space (1)" in said


@pytest.mark.parametrize(
    "flags, speakers",
    [
        ([], [None] * 3),
        (["--speaker_folder", "-1"], ["anna", "anna", "monday"]),
        (["--speaker_pattern", "^(.)"], ["a", "a", "b"]),
        (["--speaker_pattern", r"(?P<speaker>\w)\.\w+$"], ["1", "2", "b"]),
    ],
)
def test_speakers(folder, tmp_path, flags, speakers):
    assert run("folder", folder, "--output", tmp_path, *flags) == 0
    assert [row.get("speaker") for row in rows_of(tmp_path / "mine.csv")] == speakers


def test_folders_as_parts_and_a_second_run(folder):
    flags = ("--splits", "ben", "anna", "--relative_paths", "--skip_bad_rows")
    (folder / "anna" / "3.wav").write_bytes(b"")
    write_text(folder / "anna" / "3.txt", "empty")
    for _ in range(2):
        assert run("folder", folder, *flags) == 0
        assert len(rows_of(folder / "anna.csv")) == 2
        assert [row["wav_filename"] for row in rows_of(folder / "ben.csv")] == [
            "ben/monday/a.b.WAV"
        ]
        assert (folder / "left_out_anna.txt").exists()
    # What the importer wrote into the folder is no text without a recording.
    assert run("folder", folder, "--skip_bad_rows") == 0
    assert "left_out_anna.txt: a text about the corpus" in (folder / "left_out_mine.txt").read_text(
        encoding="utf-8"
    )


def test_what_lacks_its_partner(folder, tmp_path, capsys):
    write_audio(folder / "alone.wav", 0.3)
    write_text(folder / "gone.txt", "a")
    write_text(folder / "README.txt", "about")
    write_text(folder / "phone.txt", "b")
    write_text(folder / "notes.json", "{}")
    (folder / "phone.m4a").write_bytes(b"\0\0\0 ftypM4A ")
    (folder / "._1.wav").write_bytes(b"\0\5\x16\7")
    assert run("folder", folder, "--output", tmp_path, "--speaker_folder") == 2
    said = capsys.readouterr().err
    assert f"{folder}/alone.wav: found a recording without a text, expected alone.txt" in said
    assert f"{folder}/gone.txt: found a text without a recording, expected gone with" in said
    assert f"{folder}/phone.m4a: found a file .m4a" in said
    assert "`ffmpeg -i phone.m4a phone.flac`" in said
    assert "README" not in said and "3 problems" in said
    assert not (tmp_path / "mine.csv").exists()
    assert run("folder", folder, "--output", tmp_path, "--skip_bad_rows") == 0
    said = capsys.readouterr().out
    assert "neither recordings nor texts: hidden (1), .json (1)" in said
    listed = (tmp_path / "left_out_mine.txt").read_text()
    assert "3 with problems" in listed and "README.txt: a text about the corpus" in listed


def test_encodings(folder, tmp_path, capsys):
    text = folder / "anna" / "1.txt"
    text.write_bytes("Müller geht – schnell".encode("cp1252"))
    assert run("folder", folder, "--output", tmp_path) == 0
    assert rows_of(tmp_path / "mine.csv")[0]["transcript"] == "Müller geht – schnell"
    assert f"{text} is not UTF-8 and read as Windows-1252 ('Müller geht" in capsys.readouterr().out
    # Letters that nearly all lie beyond ASCII, and signs within words, are of another encoding.
    for other, sentence in (("cp1251", "включи свет"), ("cp1250", "żółta słoń może")):
        text.write_bytes(sentence.encode(other))
        assert run("folder", folder, "--output", tmp_path) == 2
        assert f"{text}:1: found byte 0x" in capsys.readouterr().err
        (folder / "anna" / "2.TXT").write_bytes("ok".encode(other))
        assert run("folder", folder, "--output", tmp_path, "--encoding", other) == 0
        assert rows_of(tmp_path / "mine.csv")[0]["transcript"] == sentence
    capsys.readouterr()
    assert run("folder", folder, "--output", tmp_path, "--encoding", "cp0") == 2
    assert "--encoding: found 'cp0'" in capsys.readouterr().err


def test_wrong_flags_and_folders(folder, tmp_path, capsys):
    (tmp_path / "none").mkdir()
    assert run("folder", tmp_path / "none") == 2
    assert "found no recordings" in capsys.readouterr().err
    assert run("folder", folder, "--speaker_pattern", "(") == 2
    assert "--speaker_pattern: found '(' (" in capsys.readouterr().err
    assert run("folder", folder, "--speaker_folder", "2") == 2
    assert f"{folder}/anna/1.wav: found 1 folder" in capsys.readouterr().err
    assert run("folder", folder, "--splits", "bem") == 2
    assert "Is it ben?" in capsys.readouterr().err
