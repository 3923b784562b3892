"""Kaldi data folders: recordings, segments, commands in place of files."""

import numpy as np
import pytest
import soundfile

from open_seq2seq.corpora.importers.pipes import Recording, decoded_file
from tests.corpora.importers.layouts import rows_of, run, write_text
from tests.data.corpora import write_audio


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    """egs/s5 with audio/, data/train (whole recordings) and data/dev (segments)."""
    root = tmp_path / "s5"
    for name in ("a.wav", "b.flac", "c.wav"):
        write_audio(root / "audio" / name, 2.0)
    train, dev = root / "data" / "train", root / "data" / "dev"
    write_text(train / "wav.scp", f"utt1 {root}/audio/a.wav\nutt2 flac -c -d -s audio/b.flac |\n")
    write_text(train / "text", "utt1 ONE TWO\n\nutt2 THREE\n")
    write_text(train / "utt2spk", "utt1 anna\nutt2 utt2\n")
    write_text(dev / "wav.scp", "rec1 sox audio/c.wav -r 8000 -t wav - |\nrec2 audio/a.wav\n")
    write_text(dev / "segments", "rec1-1 rec1 0.25 1.0\nrec1-2 rec1 1.0 -1\n")
    write_text(dev / "text", "rec1-1 FOUR\nrec1-2 FIVE SIX\n")
    write_text(dev / "utt2spk", "rec1-1 bob\nrec1-2 eve\n")
    monkeypatch.chdir(tmp_path)
    return root


def test_data_folders(recipe, tmp_path, capsys):
    out = tmp_path / "out"
    assert run("kaldi", recipe / "data", "--output", out, "--text_normalization", "plain") == 0
    a, b, c = (recipe / "audio" / name for name in ("a.wav", "b.flac", "c.wav"))
    assert (out / "train.csv").read_text().splitlines() == [
        "wav_filename,wav_filesize,transcript,duration,speaker",
        f"{a},{a.stat().st_size},one two,2.0,anna",
        f"{b},{b.stat().st_size},three,2.0,",
    ]
    assert (out / "dev.csv").read_text().splitlines() == [
        "wav_filename,wav_filesize,transcript,duration,offset,speaker",
        f"{c},{c.stat().st_size},four,0.75,0.25,bob",
        f"{c},{c.stat().st_size},five six,1.0,1.0,eve",
    ]
    # A recording that no utterance is of is not even looked for.
    assert "wav.scp:2: recording rec2" in (out / "left_out_dev.txt").read_text()
    assert run("kaldi", recipe / "data" / "train", "--output", out / "one") == 0
    assert len(rows_of(out / "one" / "train.csv")) == 2
    assert run("kaldi", recipe / "data", "--root", tmp_path) == 2
    assert "Say what it is relative to: --root." in capsys.readouterr().err


def test_mistakes(recipe, capsys):
    train, dev = recipe / "data" / "train", recipe / "data" / "dev"
    write_text(
        train / "wav.scp",
        f"utt1 {recipe}/audio/none.wav\nutt2 foo.ark:1234\nutt3 curl a.wav |\n"
        "utt4 audio/a.wav\nutt5\nutt4 audio/c.wav\nutt9 audio/a.wav\n",
    )
    write_text(train / "text", "utt1 a\nutt2 a\nutt3 a\nutt4\nutt8 a\n")
    write_text(dev / "segments", "rec1-1 rec1 1.0 0.5\nrec1-2 rec1 1.0 9.0\nrec1-3 rec7 0 1\n")
    write_text(dev / "text", "rec1-1 a\nrec1-2 b\nrec1-3 c\n")
    assert run("kaldi", recipe / "data") == 2
    said = capsys.readouterr().err
    for place, found in [
        (f"{train}/wav.scp:1", f"no file {recipe}/audio/none.wav"),
        (f"{train}/wav.scp:2", "foo.ark:1234, a place in an archive"),
        (f"{train}/wav.scp:3", "the command curl a.wav |"),
        (f"{train}/wav.scp:5", "utt5 alone"),
        (f"{train}/wav.scp:6", f"utt4 again, after {train}/wav.scp:4"),
        (f"{train}/text:4", "an empty transcript"),
        (f"{train}/text:5", "utt8, which wav.scp lacks"),
        (f"{train}/wav.scp:7", "utt9 without a transcript"),
        (f"{dev}/segments:1", "rec1-1 rec1 1.0 0.5"),
        (f"{dev}/text:1", "rec1-1, which segments lacks"),
        (f"{dev}/text:2", "a segment from 1 s to 9 s"),
        (f"{dev}/segments:3", "rec1-3 in rec7, which wav.scp lacks"),
    ]:
        assert f"{place}: found {found}" in said
    assert "12 problems" in said
    (train / "text").unlink()
    assert run("kaldi", train) == 2
    assert f"{train}/text: found No such file" in capsys.readouterr().err
    assert run("kaldi", recipe / "audio") == 2
    assert "no wav.scp" in capsys.readouterr().err


def test_commands_are_run_only_when_allowed(recipe, tmp_path, capsys):
    train, out = recipe / "data" / "train", tmp_path / "out"
    script = "utt1 cat audio/a.wav | cat |\nutt2 echo nothing |\nutt3 exit 3 |\n"
    write_text(train / "wav.scp", script)
    write_text(train / "text", "utt1 a\nutt2 b\nutt3 c\n")
    assert run("kaldi", train, "--output", out) == 2
    assert capsys.readouterr().err.count("--run_pipes runs it once") == 3
    flags = ("--output", out, "--root", recipe, "--run_pipes")
    assert run("kaldi", train, *flags) == 2
    said = capsys.readouterr().err
    assert "wav.scp:2: found the output of echo nothing" in said
    assert "wav.scp:3: found the command exit 3 ended with 3" in said
    assert run("kaldi", train, *flags, "--skip_bad_rows") == 0
    assert "2 utterances left out, as their recording" in capsys.readouterr().out
    (row,) = rows_of(out / "train.csv")
    flac = out / "train-audio" / "utt1.flac"
    assert row["wav_filename"] == str(flac)
    expected, _ = soundfile.read(recipe / "audio" / "a.wav", dtype="int16")
    np.testing.assert_array_equal(soundfile.read(flac, dtype="int16")[0], expected)
    before = flac.stat().st_mtime_ns
    assert run("kaldi", train, *flags, "--skip_bad_rows") == 0
    assert flac.stat().st_mtime_ns == before
    assert [path.name for path in flac.parent.iterdir()] == ["utt1.flac"]


def test_one_channel_of_two(recipe, tmp_path, capsys):
    train = recipe / "data" / "train"
    write_audio(recipe / "audio" / "two.wav", 1.0, channels=2)
    command = f"sph2pipe -f wav -p -c 1 {recipe}/audio/two.wav |"
    write_text(train / "wav.scp", f"utt1 {command}\nutt2 {recipe}/audio/a.wav\n")
    assert run("kaldi", train, "--output", tmp_path) == 2
    assert "channel 1 of" in capsys.readouterr().err
    write_text(train / "wav.scp", f"utt1 {recipe}/audio/two.wav\nutt2 {recipe}/audio/a.wav\n")
    assert run("kaldi", train, "--output", tmp_path) == 0
    # What the manifest of that run does not say is looked up.
    write_text(train / "wav.scp", f"utt1 {command}\nutt2 {recipe}/audio/a.wav\n")
    assert run("kaldi", train, "--output", tmp_path) == 2


def test_decoders_of_what_is_not_read_itself_are_run(recipe, tmp_path, monkeypatch):
    """sph2pipe stands for itself here: it copies the first channel of a file."""
    folder = write_text(
        tmp_path / "bin" / "sph2pipe",
        '#!/bin/sh\nfor file; do :; done\nexec cat "${file%.*}-left.wav"\n',
    ).parent
    (folder / "sph2pipe").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    train, audio, out = recipe / "data" / "train", recipe / "audio", tmp_path / "out"
    write_audio(audio / "two.wav", 1.0, channels=2)
    left = write_audio(audio / "two-left.wav", 1.0)
    (audio / "short.sph").write_bytes(b"NIST_1A\n")
    write_audio(audio / "short-left.wav", 0.5)
    lines = [f"{name} sph2pipe -f wav -p -c 1 {audio}/{file} |" for name, file in
             [("utt1", "two.wav"), ("utt2", "short.sph"), ("utt3", "a.wav")]]  # fmt: skip
    write_text(train / "wav.scp", "\n".join(lines) + "\n")
    write_text(train / "text", "utt1 a\nutt2 b\nutt3 c\n")
    assert run("kaldi", train, "--output", out) == 2
    assert run("kaldi", train, "--output", out, "--run_pipes") == 0
    rows = rows_of(out / "train.csv")
    kept = out / "train-audio"
    assert [row["wav_filename"] for row in rows] == [
        str(kept / "utt1.flac"),
        str(kept / "utt2.flac"),
        str(audio / "a.wav"),
    ]
    assert [row["duration"] for row in rows] == ["1.0", "0.5", "2.0"]
    expected, _ = soundfile.read(left, dtype="int16")
    np.testing.assert_array_equal(soundfile.read(kept / "utt1.flac", dtype="int16")[0], expected)


@pytest.mark.parametrize(
    ("command", "path", "channel"),
    [
        ("flac -c -d -s /data/a.flac |", "/data/a.flac", None),
        ("flac -cds a.flac|", "a.flac", None),
        ("/usr/bin/flac --stdout --decode --silent 'a b.flac' |", "a b.flac", None),
        ("/kaldi/tools/sph2pipe_v2.5/sph2pipe -f wav -p -c 2 a.sph |", "a.sph", "2"),
        ("sph2pipe -f wav a.sph |", "a.sph", None),
        ("sox a.mp3 -t wav -r 16000 -c 1 -b 16 - |", "a.mp3", None),
        ("sox -t sph a.sph -e signed-integer -t wav - |", "a.sph", None),
        ("ffmpeg -i a.m4a -f wav -ar 16000 -ac 1 -loglevel error - |", "a.m4a", None),
        ("ffmpeg -nostdin -v 16 -i a.mp3 -f wav -acodec pcm_s16le pipe:1 |", "a.mp3", None),
        ("cat a.wav |", "a.wav", None),
    ],
)
def test_commands_that_only_decode(command, path, channel):
    assert decoded_file(command) == Recording(path, channel)


@pytest.mark.parametrize(
    "command",
    [
        "flac -c a.wav |",
        "flac -c -d --skip=100 a.flac |",
        "flac -c -d a.flac b.flac |",
        "sph2pipe -f wav -p -t 1:2 a.sph |",
        "sox a.wav -t wav - remix 2 |",
        "sox a.wav -t wav - trim 0 3 |",
        "sox -v 0.5 a.wav -t wav - |",
        "sox a.wav b.wav -t wav - |",
        "sox a.wav -c 2 -t wav - |",
        "sox a.wav b.wav |",
        "ffmpeg -ss 10 -i a.mp3 -f wav - |",
        "ffmpeg -i a.mp3 -filter:a volume=2 -f wav - |",
        "ffmpeg -i a.mp3 b.wav |",
        "cat a.wav b.wav |",
        "cat a.wav; rm -rf b |",
        "cat $HOME/a.wav |",
        "cat `ls` |",
        "cat a.wav | sox - -t wav - |",
        "wav-copy a.wav - |",
        "cat 'a.wav |",
        "|",
    ],
)
def test_commands_that_do_more(command):
    assert decoded_file(command) is None
