"""Downloads that are resumed and checked, from a server on this machine."""

import hashlib
import random

import pytest

from open_seq2seq.corpora.importers import download
from open_seq2seq.corpora.importers.download import fetch, md5_of, remote_size, size_text
from open_seq2seq.errors import InputError, RunError
from tests.corpora.importers.server import serving

CONTENT = random.Random(0).randbytes(200_000)
MD5 = hashlib.md5(CONTENT).hexdigest()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(download.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(download, "_BLOCK", 10_000)
    with serving({"a.tar.gz": CONTENT}) as archive:
        yield archive


@pytest.fixture
def get(server, logged):
    """Fetches a file; returns what was said."""

    def call(path, md5=MD5, name="a.tar.gz"):
        logged.clear()
        fetch(f"{server.url}/{name}", path, md5)
        return list(logged)

    return call


def test_a_file_arrives_whole_and_once(server, tmp_path, get):
    path = tmp_path / "new" / "a.tar.gz"
    assert get(path) == [f"{server.url}/a.tar.gz: downloading"]
    assert path.read_bytes() == CONTENT
    assert get(path) == [] and len(server.requests) == 1
    assert [file.name for file in path.parent.iterdir()] == ["a.tar.gz"]


def test_a_part_is_continued(server, tmp_path, get):
    (tmp_path / "a.tar.gz.part").write_bytes(CONTENT[:150_000])
    (said,) = get(tmp_path / "a.tar.gz")
    assert said.endswith("going on from 150000 bytes")
    assert server.requests == [("a.tar.gz", "bytes=150000-")]
    assert (tmp_path / "a.tar.gz").read_bytes() == CONTENT


def test_a_whole_part_is_not_fetched_again(server, tmp_path, get):
    (tmp_path / "a.tar.gz.part").write_bytes(CONTENT)
    get(tmp_path / "a.tar.gz")
    assert (tmp_path / "a.tar.gz").read_bytes() == CONTENT


def test_a_server_that_cannot_continue(server, tmp_path, get):
    server.continues = False
    (tmp_path / "a.tar.gz.part").write_bytes(CONTENT[:150_000])
    get(tmp_path / "a.tar.gz")
    assert (tmp_path / "a.tar.gz").read_bytes() == CONTENT


def test_broken_connections_are_taken_up_again(server, tmp_path, get):
    server.cut_after = 60_000
    get(tmp_path / "a.tar.gz")
    ranges = [asked for _, asked in server.requests]
    assert ranges == [None, "bytes=60000-", "bytes=120000-", "bytes=180000-"]
    assert (tmp_path / "a.tar.gz").read_bytes() == CONTENT


def test_a_server_that_sends_nothing_more(server, tmp_path, get):
    server.cut_after = 0
    (tmp_path / "a.tar.gz.part").write_bytes(CONTENT[:5000])
    with pytest.raises(RunError, match="goes on from 5000 bytes"):
        get(tmp_path / "a.tar.gz")
    assert len(server.requests) == 5
    assert (tmp_path / "a.tar.gz.part").read_bytes() == CONTENT[:5000]


def test_a_damaged_download_is_removed(server, tmp_path, get):
    server.files["a.tar.gz"] = CONTENT[:-1] + b"!"
    with pytest.raises(RunError, match=f"arrived damaged: MD5 [0-9a-f]+, expected {MD5}"):
        get(tmp_path / "a.tar.gz")
    assert list(tmp_path.iterdir()) == []
    server.files["a.tar.gz"] = CONTENT
    get(tmp_path / "a.tar.gz")
    assert (tmp_path / "a.tar.gz").read_bytes() == CONTENT


def test_a_part_of_something_else_is_found_out(server, tmp_path, get):
    (tmp_path / "a.tar.gz.part").write_bytes(bytes(100_000))
    with pytest.raises(RunError, match="arrived damaged"):
        get(tmp_path / "a.tar.gz")


def test_another_file_of_the_name_is_kept(server, tmp_path, get):
    (tmp_path / "a.tar.gz").write_bytes(b"mine")
    with pytest.raises(InputError, match="Remove it, and it is downloaded again"):
        get(tmp_path / "a.tar.gz")
    assert (tmp_path / "a.tar.gz").read_bytes() == b"mine" and server.requests == []


def test_no_such_file_and_no_such_server(server, tmp_path, get):
    with pytest.raises(RunError, match="404"):
        get(tmp_path / "b", name="b")
    with pytest.raises(RunError, match="cannot be reached"):
        remote_size(f"{server.url}/b")
    with pytest.raises(RunError, match="cannot be downloaded"):
        fetch("http://127.0.0.1:1/a", tmp_path / "a", None)


def test_without_a_checksum(server, tmp_path, get):
    get(tmp_path / "a", md5=None)
    assert md5_of(tmp_path / "a") == MD5
    assert remote_size(f"{server.url}/a.tar.gz") == len(CONTENT)


def test_sizes_in_words():
    assert [size_text(n) for n in (12, 14_300_000, 6_300_000_000)] == [
        "12 bytes",
        "14.3 MB",
        "6.3 GB",
    ]
