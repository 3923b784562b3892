"""Shards: what is written is what the recordings are; batches are those of the loose files."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import tarfile
import threading
import time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import numpy as np
import pytest
import soundfile

from open_seq2seq.commands.data.shard import main as shard
from open_seq2seq.data.audio import read_audio
from open_seq2seq.data.manifest import read_manifests
from open_seq2seq.data.shards import remote
from open_seq2seq.data.speech2text import Speech2TextDataLayer
from open_seq2seq.errors import InputError
from tests.data.corpora import write_audio, write_csv

COUNT = 23


@pytest.fixture
def corpus(tmp_path) -> str:
    """A manifest of 23 recordings."""
    rows = []
    for number in range(COUNT):
        write_audio(tmp_path / f"audio/{number:02d}.wav", 0.3 + number % 7 * 0.05)
        rows.append((f"audio/{number:02d}.wav", f"text {'abcdefgh'[number % 8]}"))
    return write_csv(tmp_path / "all.csv", rows)


@pytest.fixture
def shards(corpus, tmp_path) -> str:
    """Shards of about eight recordings each."""
    assert shard([corpus, "--output", str(tmp_path / "tars"), "--shard_size", "120kB"]) == 0
    assert len(list((tmp_path / "tars").glob("*.tar"))) > 2
    return str(tmp_path / "tars/*.tar")


def by_name(files: str) -> dict:
    return {one.name: one for one in read_manifests([files], True)}


def make_layer(files: str, tmp_path: Path, **options) -> Speech2TextDataLayer:
    (tmp_path / "vocab.txt").write_text("\n".join(" abcdefghtx") + "\n")
    params = {
        "dataset_files": [files],
        "vocab_file": str(tmp_path / "vocab.txt"),
        "input_type": "logfbank",
        "num_audio_features": 8,
        "shuffle_buffer": 8,
        **options.pop("params", {}),
    }
    return Speech2TextDataLayer(params, mode="train", batch_size=3, **options)


def test_recordings_are_what_they_were(corpus, shards):
    loose, inside = by_name(corpus), by_name(shards)
    assert loose.keys() == inside.keys()
    for name, one in inside.items():
        assert one.transcript == loose[name].transcript
        np.testing.assert_array_equal(
            read_audio(one.path, 16000), read_audio(loose[name].path, 16000)
        )
        assert one.duration == pytest.approx(soundfile.info(loose[name].path).duration)


@pytest.mark.parametrize(("kind", "slack"), [("flac", 0.0), ("opus", 0.3)])
def test_formats(corpus, tmp_path, kind, slack):
    output = tmp_path / kind
    assert shard([corpus, "--output", str(output), "--format", kind]) == 0
    loose = by_name(corpus)
    for name, one in by_name(f"{output}/*.tar").items():
        expected, found = read_audio(loose[name].path, 16000), read_audio(one.path, 16000)
        assert len(found) == len(expected)
        assert np.abs(found - expected).max() <= slack
    (tar,) = output.glob("*.tar")
    with tarfile.open(tar) as members:
        names = members.getnames()
        assert len(names) == 3 * COUNT and sum(one.endswith(f".{kind}") for one in names) == COUNT
        first = next(one for one in members if one.name.endswith(".json"))
        values = json.loads(members.extractfile(first).read())
    assert values["text"] == loose[values["audio_filepath"]].transcript


def test_segments_are_cut(tmp_path):
    write_audio(tmp_path / "long.flac", 2.0)
    rows = [
        {"audio_filepath": "long.flac", "text": "a", "offset": 0.5, "duration": 0.25},
        {"audio_filepath": "long.flac", "text": "b", "offset": 1.0, "duration": 0.5},
    ]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert shard([str(tmp_path / "a.jsonl"), "--output", str(tmp_path / "tars")]) == 0
    found = {one.transcript: one for one in read_manifests([str(tmp_path / "tars/*.tar")], True)}
    for text, start, length in (("a", 0.5, 0.25), ("b", 1.0, 0.5)):
        expected = read_audio(tmp_path / "long.flac", 16000, start, length)
        np.testing.assert_array_equal(read_audio(found[text].path, 16000), expected)
        assert found[text].duration == length and found[text].offset is None


def test_a_stopped_run_goes_on(corpus, shards, tmp_path, capsys):
    folder = tmp_path / "tars"
    before = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    (folder / "shard-000001.tar").unlink()
    (folder / "shard-000002.arrow").unlink()
    times = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.tar")}
    capsys.readouterr()
    assert shard([corpus, "--output", str(folder), "--shard_size", "120kB"]) == 0
    number = len(times) + 1
    assert f"in {number} shards in {folder}, {number - 2} of them were there" in (
        capsys.readouterr().out
    )
    assert {path.name: path.read_bytes() for path in sorted(folder.iterdir())} == before
    assert (folder / "shard-000000.tar").stat().st_mtime_ns == times["shard-000000.tar"]


def test_the_index_has_the_checksum(shards, tmp_path):
    import pyarrow as pa

    for tar in (tmp_path / "tars").glob("*.tar"):
        metadata = pa.ipc.open_file(str(tar.with_suffix(".arrow"))).schema.metadata
        assert metadata[b"tar_sha256"].decode() == hashlib.sha256(tar.read_bytes()).hexdigest()


def test_unreadable_recordings_are_named(corpus, tmp_path, capsys):
    (tmp_path / "audio/05.wav").write_bytes(b"RIFF")
    assert shard([corpus, "--output", str(tmp_path / "tars")]) == 1
    assert f"Left out: {corpus}:7: found {tmp_path}/audio/05.wav" in capsys.readouterr().err
    assert len(read_manifests([str(tmp_path / "tars/*.tar")], True)) == COUNT - 1


def test_batches_for_any_threads_and_from_any_place(shards, tmp_path):
    """Features, labels and rows, bit for bit; each utterance once over the ranks."""
    whole = list(make_layer(shards, tmp_path, params={"loader_workers": 0}).batches(1))
    for workers, start in ((3, 0), (1, 4)):
        layer = make_layer(shards, tmp_path, params={"loader_workers": workers})
        for expected, batch in zip(whole[start:], layer.batches(1, start), strict=True):
            np.testing.assert_array_equal(batch.indices, expected.indices)
            np.testing.assert_array_equal(batch.features, expected.features)
            np.testing.assert_array_equal(batch.labels, expected.labels)
    rows = [
        row
        for rank in range(2)
        for batch in make_layer(shards, tmp_path, rank=rank, world_size=2).batches(0)
        if not batch.is_padding
        for row in batch.indices
    ]
    assert sorted(rows) == list(range(COUNT))


def test_a_dropped_row_keeps_the_shards(shards, tmp_path):
    layer = make_layer(shards, tmp_path, params={"min_duration": 0.4})
    ends, parts = layer.utterances.shard_ends, read_manifests([shards], True).shard_ends
    assert len(ends) == len(parts) and ends[-1] == len(layer.utterances) < parts[-1] == COUNT


def test_check_reads_the_headers_inside(shards, tmp_path):
    assert not make_layer(shards, tmp_path).check().problems


def test_a_damaged_recording_is_left_out_and_named(shards, tmp_path):
    (tar,) = (tmp_path / "tars").glob("*0.tar")
    victim = next(one for one in read_manifests([shards], True) if str(tar) in one.path)
    start = int(victim.path.rpartition(":")[2].split("+")[0])
    data = bytearray(tar.read_bytes())
    data[start : start + 40] = bytes(40)
    tar.write_bytes(data)
    left_out = [one for batch in make_layer(shards, tmp_path).batches() for one in batch.left_out]
    assert len(left_out) == 1 and victim.path in str(left_out[0].problem)


def test_damaged_shards_are_named(shards, tmp_path):
    first, second = sorted((tmp_path / "tars").glob("*.tar"))[:2]
    first.write_bytes(first.read_bytes()[:-2048])
    second.unlink()
    with pytest.raises(InputError) as caught:
        read_manifests([str(first), str(second)], True)
    found = [str(problem) for problem in caught.value.problems]
    assert "bytes, expected" in found[0] and found[0].startswith(str(first))
    assert found[1].startswith(f"{second}: found No such file")
    with pytest.raises(InputError, match=r"no\*\.tar: found no such file, expected tar files"):
        read_manifests([str(tmp_path / "no*.tar")], True)


def foreign(path: Path, members: list[tuple[str, bytes]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def sound(path: Path, seconds: float) -> bytes:
    return write_audio(path, seconds).read_bytes()


def test_webdataset_of_others(tmp_path):
    """Texts beside the audio, or in JSON; long names have headers of their own."""
    one, two = sound(tmp_path / "1.flac", 0.5), sound(tmp_path / "2.wav", 0.75)
    long = "x" * 150
    foreign(
        tmp_path / "w/a-000.tar",
        [
            ("k1.flac", one),
            ("k1.txt", "grüße\n".encode()),
            (f"deep/{long}.json", b'{"text": "b", "speaker": 7}'),
            (f"deep/{long}.wav", two),
            ("README", b"nothing"),
        ],
    )
    foreign(tmp_path / "w/a-001.tar", [("k3.wav", two), ("k3.txt", b"c")])
    rows = list(read_manifests([str(tmp_path / "w/a-{000..001}.tar")], True))
    assert [row.transcript for row in rows] == ["grüße", "b", "c"]
    assert [row.duration for row in rows] == [0.5, 0.75, 0.75]
    assert (rows[1].name, rows[1].speaker) == (f"deep/{long}.wav", "7")
    np.testing.assert_array_equal(
        read_audio(rows[1].path, 16000), read_audio(tmp_path / "2.wav", 16000)
    )


def test_nemo_tarred_sets(tmp_path):
    one, two = sound(tmp_path / "1.wav", 0.5), sound(tmp_path / "2.wav", 0.75)
    foreign(tmp_path / "n/audio_0.tar", [("a.wav", one)])
    foreign(tmp_path / "n/audio_1.tar", [("a.wav", two), ("b.wav", one)])
    rows = [
        {"audio_filepath": "a.wav", "text": "first", "duration": 0.5, "shard_id": 0},
        {"audio_filepath": "a.wav", "text": "second", "duration": 0.75, "shard_id": 1},
        {"audio_filepath": "b.wav", "text": "x", "duration": 0.2, "offset": 0.1, "shard_id": 1},
        {"audio_filepath": "b.wav", "text": "y", "duration": 0.2, "offset": 0.3, "shard_id": 1},
    ]
    manifest = tmp_path / "n/tarred_audio_manifest.json"
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = list(read_manifests([str(tmp_path / "n/audio_{0..1}.tar")], True))
    assert [one.transcript for one in found] == ["first", "second", "x", "y"]
    assert [one.offset for one in found] == [None, None, 0.1, 0.3]
    samples = read_audio(found[3].path, 16000, found[3].offset, found[3].duration)
    expected = read_audio(tmp_path / "1.wav", 16000, 0.3, 0.2)
    np.testing.assert_array_equal(samples, expected)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda data: data[:1000], "a file that breaks off in k.wav, after 1000 bytes"),
        (lambda data: b"not a tar" * 200, "a file that is not read"),
        (lambda data: b"", "a file that is not read"),
    ],
)
def test_damaged_tars_of_others(tmp_path, change, expected):
    tar = foreign(tmp_path / "a.tar", [("k.wav", sound(tmp_path / "k.wav", 0.5))])
    tar.write_bytes(change(tar.read_bytes()))
    with pytest.raises(InputError, match=rf"a\.tar: found {expected}"):
        read_manifests([str(tar)], False)


class Faulty(SimpleHTTPRequestHandler):
    """Serves files with Range; every third answer fails, breaks off, or is slow."""

    answers = 0
    pieces: list[str] = []  # noqa: RUF012

    def log_message(self, *arguments) -> None:
        pass

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(404)
            return
        Faulty.answers += 1
        fault = Faulty.answers % 6
        if fault == 2:
            self.send_error(503)
            return
        data, asked = path.read_bytes(), self.headers.get("Range")
        start, end = 0, len(data)
        if asked:
            Faulty.pieces.append(asked)
            first, last = asked.removeprefix("bytes=").split("-")
            start, end = int(first), min(int(last) + 1, len(data)) if last else len(data)
        self.send_response(206 if asked else 200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(end - start))
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(data)}")
        self.end_headers()
        if fault == 4 and self.command == "GET":
            self.wfile.write(data[start : (start + end) // 2])
            self.close_connection = True
            return
        if fault == 0:
            time.sleep(0.05)
        self.wfile.write(data[start:end])


@pytest.fixture
def server(tmp_path):
    Faulty.answers, Faulty.pieces = 0, []
    handler = functools.partial(Faulty, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("OPEN_SEQ2SEQ_SHARDS", str(tmp_path / "cache"))
    monkeypatch.setattr(remote, "_PAUSE", 0.001)
    monkeypatch.setattr(remote, "_PIECE", 40_000)
    remote.shard_cache.cache_clear()
    yield tmp_path / "cache"
    remote.shard_cache.cache_clear()


def test_batches_from_a_faulty_server(shards, server, cache, tmp_path):
    number = len(list((tmp_path / "tars").glob("*.tar"))) - 1
    address = f"{server}/tars/shard-{{000000..{number:06d}}}.tar"
    expected = list(make_layer(shards, tmp_path).batches(0))
    layer = make_layer(address, tmp_path)
    assert layer.utterances[0].path.startswith("http://127.0.0.1")
    assert not list(cache.glob("*.tar"))  # indexes alone
    for batch, other in zip(layer.batches(0), expected, strict=True):
        np.testing.assert_array_equal(batch.features, other.features)
        assert not batch.left_out
    assert any("40000-" in piece for piece in Faulty.pieces)
    answers = Faulty.answers
    list(layer.batches(1))
    assert Faulty.answers == answers  # fetched once


def test_batches_from_an_object_store(shards, cache, tmp_path):
    """By a pattern, which a server of files cannot list: fsspec's own store, as s3:// and gs://."""
    store = fsspec.filesystem("memory")
    for path in (tmp_path / "tars").iterdir():
        store.pipe(f"/bucket/tars/{path.name}", path.read_bytes())
    try:
        layer = make_layer("memory://bucket/tars/*.tar", tmp_path)
        assert layer.utterances[0].path.startswith("memory://")
        expected = make_layer(shards, tmp_path).batches(0)
        for batch, other in zip(layer.batches(0), expected, strict=True):
            np.testing.assert_array_equal(batch.features, other.features)
            assert not batch.left_out
    finally:
        store.rm("/bucket", recursive=True)


def test_what_was_fetched_of_a_shard_stays(shards, server, cache, tmp_path):
    tar = (tmp_path / "tars/shard-000000.tar").read_bytes()
    address = f"{server}/tars/shard-000000.tar"
    path = remote.shard_cache()._path(address)
    cache.mkdir()
    path.with_name(path.name + ".part").write_bytes(tar[:70_000])
    assert Path(remote.shard_cache().local(address)).read_bytes() == tar
    assert not any(piece.startswith("bytes=0-3") for piece in Faulty.pieces)


def test_the_cache_has_a_limit(shards, server, cache, tmp_path):
    small = remote.ShardCache(cache, 150_000)
    for number in range(3):
        time.sleep(0.01)
        path = small.local(f"{server}/tars/shard-{number:06d}.tar")
        assert Path(path).exists()
    assert len(list(cache.glob("*.tar"))) == 1


def test_addresses_that_are_not_there(server, cache, tmp_path):
    with pytest.raises(InputError, match=r"none\.tar: found no such file"):
        read_manifests([f"{server}/none.tar"], False)
    with pytest.raises(InputError, match=r"nosuch://x/a.*an address that fsspec reads"):
        read_manifests(["nosuch://x/a.tar"], False)


def test_file_addresses(shards, cache, tmp_path):
    rows = read_manifests([f"file://{tmp_path}/tars/shard-000000.tar"], True)
    assert len(read_audio(rows[0].path, 16000))
