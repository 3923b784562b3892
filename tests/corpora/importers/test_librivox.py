"""LibriSpeech: used where it is, downloaded where not; an interrupted run goes on."""

import gzip
import hashlib
import io
import shutil
import tarfile
from collections import namedtuple

import pytest

from open_seq2seq.corpora.importers import archives, download, librivox
from open_seq2seq.corpora.importers.archives import extract, unfinished_mark
from open_seq2seq.errors import RunError
from tests.corpora.importers.layouts import librispeech_part, rows_of, run
from tests.corpora.importers.server import serving

PARTS = ("dev-clean", "test-clean")


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A server with the archives of two parts, and their checksums."""
    files = {}
    for part, speaker in zip(PARTS, ("84", "61")):
        source = tmp_path / "source" / part
        librispeech_part(source / "LibriSpeech" / part, {speaker: 3})
        (source / "LibriSpeech" / "README.TXT").write_text("about the corpus\n")
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w:gz") as tar:
            tar.add(source / "LibriSpeech", "LibriSpeech")
        files[f"{part}.tar.gz"] = stream.getvalue()
    checksums = {part: hashlib.md5(files[f"{part}.tar.gz"]).hexdigest() for part in PARTS}
    monkeypatch.setattr(librivox, "CHECKSUMS", checksums)
    monkeypatch.setattr(download.time, "sleep", lambda seconds: None)
    with serving(files) as archive:
        yield archive


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


def test_download_extract_import(published, data, capsys):
    assert run("librivox", data, "--url", published.url) == 0
    for part, speaker in zip(PARTS, ("84", "61")):
        rows = rows_of(data / f"librivox-{part}.csv")
        names = [
            f"{data}/LibriSpeech/{part}/{speaker}/100/{speaker}-100-000{i}.flac" for i in (0, 1, 2)
        ]
        assert [row["wav_filename"] for row in rows] == names
        assert [row["transcript"] for row in rows] == ["aaa it's", "bbb it's", "ccc it's"]
        assert list(rows[0]) == [
            "wav_filename",
            "wav_filesize",
            "transcript",
            "duration",
            "speaker",
        ]
        assert (data / f"{part}.tar.gz").exists()
    said = capsys.readouterr().out
    assert "2 parts are not there (dev-clean, test-clean)" in said
    assert "librivox-dev-clean.csv: 3 utterances" in said
    assert not [path for path in data.iterdir() if path.name.startswith(".")]
    requests = len(published.requests)
    assert run("librivox", data, "--url", published.url) == 0
    assert len(published.requests) == requests


def test_archives_can_be_removed(published, data):
    assert run("librivox", data, "--url", published.url, "--remove_archives") == 0
    assert not list(data.glob("*.tar.gz"))
    assert len(rows_of(data / "librivox-test-clean.csv")) == 3


@pytest.mark.parametrize("inside", ["LibriSpeech", ""])
def test_a_folder_that_is_there_is_used(published, data, inside):
    librispeech_part(data / inside / "dev-clean", {"9": 1})
    assert run("librivox", data, "--no_download") == 0
    assert [row["speaker"] for row in rows_of(data / "librivox-dev-clean.csv")] == ["9"]
    assert not (data / "librivox-test-clean.csv").exists()
    assert run("librivox", data, "--splits", "dev-clean", "--url", "http://127.0.0.1:1") == 0
    assert published.requests == []


def test_missing_and_unknown_parts(published, data, capsys):
    assert run("librivox", data, "--no_download") == 2
    said = capsys.readouterr().err
    assert "no LibriSpeech/dev-clean" in said and "no LibriSpeech/test-clean" in said
    assert run("librivox", data, "--splits", "dev-clear") == 2
    assert "Is it dev-clean?" in capsys.readouterr().err
    (data / "dev-clean").mkdir(parents=True)
    assert run("librivox", data, "--no_download") == 2
    assert "no transcripts" in capsys.readouterr().err


def test_a_wrong_checksum_writes_nothing(published, data, capsys):
    content = published.files["dev-clean.tar.gz"]
    published.files["dev-clean.tar.gz"] = content[:-8] + bytes(8)
    assert run("librivox", data, "--url", published.url, "--splits", "dev-clean") == 1
    assert "arrived damaged" in capsys.readouterr().err
    assert list(data.iterdir()) == []


def test_an_interrupted_extraction_goes_on(published, data, monkeypatch, capsys):
    flags = ("--url", published.url, "--splits", "dev-clean")
    copied = []

    def interrupted(source, target):
        if len(copied) == 2:
            target.write(source.read(100))
            raise KeyboardInterrupt
        copied.append(target.name)
        target.write(source.read())

    monkeypatch.setattr(archives.shutil, "copyfileobj", interrupted)
    assert run("librivox", data, *flags) == 130
    archive = data / "dev-clean.tar.gz"
    assert unfinished_mark(data, archive).exists()
    assert run("librivox", data, "--splits", "dev-clean", "--no_download") == 2
    assert "dev-clean.tar.gz half extracted" in capsys.readouterr().err
    there = [path for path in (data / "LibriSpeech").rglob("*") if path.is_file()]
    assert len(there) == 2
    times = {path: path.stat().st_mtime_ns for path in there}
    monkeypatch.undo()
    monkeypatch.setattr(librivox, "CHECKSUMS", {"dev-clean": download.md5_of(archive)})
    assert run("librivox", data, *flags) == 0
    assert len(published.requests) == 1
    assert {path: path.stat().st_mtime_ns for path in there} == times
    assert len(rows_of(data / "librivox-dev-clean.csv")) == 3
    assert not unfinished_mark(data, archive).exists()


def test_an_archive_that_the_server_lacks(published, data, capsys):
    del published.files["test-clean.tar.gz"]
    assert run("librivox", data, "--url", published.url) == 1
    assert "test-clean.tar.gz cannot be reached" in capsys.readouterr().err
    assert published.requests == []


def test_too_little_room(published, data, capsys, monkeypatch):
    """Archives and files need room, what is there already doesn't."""
    usage = namedtuple("usage", "total used free")
    first, second = (len(published.files[f"{part}.tar.gz"]) for part in PARTS)
    free = 2 * (first + second) - 1
    monkeypatch.setattr(librivox.shutil, "disk_usage", lambda path: usage(0, 0, free))
    assert run("librivox", data, "--url", published.url) == 1
    assert f"has {free} bytes free and {free + 1} bytes are needed" in capsys.readouterr().err
    assert published.requests == []
    (data / "dev-clean.tar.gz.part").write_bytes(published.files["dev-clean.tar.gz"][:1])
    assert run("librivox", data, "--url", published.url) == 0


def test_archives_that_cannot_be_extracted(published, tmp_path):
    whole = published.files["dev-clean.tar.gz"]
    archive = tmp_path / "cut.tar.gz"
    archive.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RunError, match=r"cut\.tar\.gz cannot be extracted"):
        extract(archive, tmp_path / "out")
    archive.write_bytes(b"no archive")
    with pytest.raises(RunError, match="cannot be extracted"):
        extract(archive, tmp_path / "out")
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        member = tarfile.TarInfo("../elsewhere")
        member.size = 1
        tar.addfile(member, io.BytesIO(b"!"))
    archive.write_bytes(gzip.compress(stream.getvalue()))
    with pytest.raises(RunError, match="would be written outside"):
        extract(archive, tmp_path / "out")
    assert not (tmp_path / "elsewhere").exists()


def test_extraction_keeps_one_copy(published, tmp_path, monkeypatch):
    """No file is written twice, and drafts are gone before the next one begins."""
    archive = tmp_path / "dev-clean.tar.gz"
    archive.write_bytes(published.files["dev-clean.tar.gz"])
    out = tmp_path / "out"
    most = []
    copy = shutil.copyfileobj

    def watched(source, target):
        most.append(len(list(out.rglob("*.tmp"))))
        copy(source, target)

    monkeypatch.setattr(archives.shutil, "copyfileobj", watched)
    assert extract(archive, out) == len(most) == 5
    assert set(most) == {1}
