"""The feature cache: what its key holds, and what happens when something goes wrong."""

import errno
import json
import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest

from open_seq2seq.data.speech2text import feature_cache
from open_seq2seq.data.speech2text.feature_cache import FeatureCache
from open_seq2seq.errors import InputError

FORMATS = ["npy", "npz", "hdf5"]
KEY = {"input_type": "logfbank", "num_audio_features": 64, "features_mean": [0.5, 1.0]}


def features(seed=0, frames=50):
    return np.random.default_rng(seed).normal(size=(frames, 8)).astype(np.float32)


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "a.flac"
    path.write_bytes(b"some audio")
    return path


def entries(directory):
    return [path for path in Path(directory).rglob("*.*") if path.name != "parameters.json"]


@pytest.mark.parametrize("format", FORMATS)
def test_what_is_put_is_found(tmp_path, recording, format):
    cache = FeatureCache(tmp_path / "cache", KEY, format)
    assert cache.get(recording) is None
    cache.put(recording, features())
    again = FeatureCache(tmp_path / "cache", dict(reversed(KEY.items())), format)
    found = again.get(recording)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, features())
    np.testing.assert_array_equal(again.get(os.path.relpath(recording)), features())
    (entry,) = entries(tmp_path / "cache")
    assert entry.suffix == f".{format}"


def test_the_key_holds_recording_parameters_and_version(tmp_path, recording, monkeypatch):
    FeatureCache(tmp_path / "cache", KEY).put(recording, features())

    def found(key=KEY, path=recording):
        return FeatureCache(tmp_path / "cache", key).get(path) is not None

    assert found()
    assert not found({**KEY, "num_audio_features": 80})
    assert not found({**KEY, "features_mean": [0.5, 1.0001]})
    assert not found({**KEY, "window": "hamming"})
    other = tmp_path / "b.flac"
    other.write_bytes(b"some audio")
    assert not found(path=other)
    status = os.stat(recording)
    os.utime(recording, ns=(status.st_atime_ns, status.st_mtime_ns + 1000))
    assert not found()
    os.utime(recording, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert found()
    recording.write_bytes(b"other audio, longer")
    os.utime(recording, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert not found()
    recording.write_bytes(b"some audio")
    os.utime(recording, ns=(status.st_atime_ns, status.st_mtime_ns))
    monkeypatch.setattr(feature_cache, "FRONT_END_VERSION", 999)
    assert not found()


def test_a_missing_recording_is_not_cached(tmp_path):
    cache = FeatureCache(tmp_path / "cache", KEY)
    cache.put(tmp_path / "gone.wav", features())
    assert cache.get(tmp_path / "gone.wav") is None
    assert entries(tmp_path / "cache") == []


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "text", "zeros"])
def test_damaged_entries_are_replaced(tmp_path, recording, format, damage):
    cache = FeatureCache(tmp_path / "cache", KEY, format)
    cache.put(recording, features())
    (entry,) = entries(tmp_path / "cache")
    content = bytearray(entry.read_bytes())
    place = content.find(features().tobytes()[400:416])
    assert place > 0
    content[place] ^= 0x40
    entry.write_bytes(
        {
            "empty": b"",
            "cut": content[: len(content) // 2],
            "flipped": bytes(content),
            "text": b"not an array " * 50,
            "zeros": bytes(len(content)),
        }[damage]
    )
    assert cache.get(recording) is None
    cache.put(recording, features())
    np.testing.assert_array_equal(cache.get(recording), features())


@pytest.mark.parametrize("format", FORMATS)
def test_regenerate_replaces_what_earlier_runs_stored(tmp_path, recording, format):
    FeatureCache(tmp_path / "cache", KEY, format).put(recording, features(1))
    (entry,) = entries(tmp_path / "cache")
    os.utime(entry, (1, 1))
    cache = FeatureCache(tmp_path / "cache", KEY, format, regenerate=True)
    assert cache.get(recording) is None
    cache.put(recording, features(2))
    later = cache._oldest + 10**9
    os.utime(entry, ns=(later, later))  # file times tick only every few milliseconds
    np.testing.assert_array_equal(cache.get(recording), features(2))
    np.testing.assert_array_equal(
        FeatureCache(tmp_path / "cache", KEY, format).get(recording), features(2)
    )
    assert len(entries(tmp_path / "cache")) == 1


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
@pytest.mark.parametrize("format", FORMATS)
def test_a_full_disk_stops_caching_with_one_warning(
    tmp_path, recording, monkeypatch, logged, code, format
):
    cache = FeatureCache(tmp_path / "cache", KEY, format)
    cache.put(recording, features())
    other = tmp_path / "b.flac"
    other.write_bytes(b"more audio")

    def full(file, values):
        Path(file).write_bytes(b"half an entr")
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(cache, "_write", full)
    cache.put(other, features())
    assert len(logged) == 1 and os.strerror(code) in logged[0]
    cache.put(other, features())
    assert cache.get(other) is None and len(logged) == 1
    np.testing.assert_array_equal(cache.get(recording), features())  # what is there is used
    assert len(entries(tmp_path / "cache")) == 1  # and nothing half written stays


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full (Linux)")
@pytest.mark.parametrize("format", FORMATS)
def test_a_disk_that_is_really_full(tmp_path, recording, monkeypatch, logged, format):
    cache = FeatureCache(tmp_path / "cache", KEY, format)
    write = cache._write
    monkeypatch.setattr(cache, "_write", lambda file, values: write(Path("/dev/full"), values))
    cache.put(recording, features())
    assert len(logged) == 1 and "No more features are cached" in logged[0]
    assert cache.get(recording) is None


def test_a_disk_that_is_full_from_the_start(tmp_path, recording, monkeypatch, logged):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    cache = FeatureCache(tmp_path / "cache", KEY)
    assert len(logged) == 1 and "No space left" in logged[0]
    cache.put(recording, features())
    assert cache.get(recording) is None


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="a writable folder"):
        FeatureCache(tmp_path / "file" / "cache", KEY)


def _write_and_read(cache, recordings, rounds):
    """One process's part; its exit code is the number of wrong reads."""
    wrong = 0
    for _ in range(rounds):
        for seed, path in enumerate(recordings):
            found = cache.get(path)
            if found is not None and not np.array_equal(found, features(seed, 400)):
                wrong += 1
            cache.put(path, features(seed, 400))
            wrong += cache.get(path) is None
    os._exit(min(wrong, 100))


@pytest.mark.parametrize("format", FORMATS)
def test_processes_share_a_cache(tmp_path, format):
    """Four processes write the same entries over and over while they read them."""
    recordings = [tmp_path / f"{index}.wav" for index in range(3)]
    for path in recordings:
        path.write_bytes(b"audio")
    cache = FeatureCache(tmp_path / "cache", KEY, format)
    context = multiprocessing.get_context("fork")
    processes = [
        context.Process(target=_write_and_read, args=(cache, recordings, 15)) for _ in range(4)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]
    assert len(entries(tmp_path / "cache")) == 3
    for seed, path in enumerate(recordings):
        np.testing.assert_array_equal(cache.get(path), features(seed, 400))


def _open_and_fill(start, directory, format, recordings, rounds):
    """One process's part: opens the cache anew and writes, as at the start of a run."""
    start.wait(600)
    for _ in range(rounds):
        cache = FeatureCache(directory, {**KEY, "features_mean": [0.5] * 2000}, format)
        for seed, path in enumerate(recordings):
            cache.put(path, features(seed, 400))


@pytest.mark.parametrize("format", FORMATS)
def test_no_file_is_seen_half_written(tmp_path, format):
    """Four processes open and fill a new cache at once; all that can be seen of it is whole."""
    recordings = [tmp_path / f"{index}.wav" for index in range(3)]
    for path in recordings:
        path.write_bytes(b"audio")
    _, read = feature_cache._FORMATS[format]
    context = multiprocessing.get_context("fork")
    start = context.Barrier(5)
    arguments = (start, tmp_path / "cache", format, recordings, 15)
    processes = [context.Process(target=_open_and_fill, args=arguments) for _ in range(4)]
    for process in processes:
        process.start()
    start.wait(600)
    seen = 0
    expected = {features(seed, 400).tobytes() for seed in range(3)}
    while any(process.is_alive() for process in processes) or not seen:
        for path in (tmp_path / "cache").rglob("*"):
            if path.name == "parameters.json":
                assert json.loads(path.read_text())["parameters"]["features_mean"] == [0.5] * 2000
            elif path.suffix == f".{format}":
                assert read(path).tobytes() in expected
                seen += 1
    assert [process.exitcode for process in processes] == [0] * 4
    assert seen > 0
    names = {path.suffix for path in (tmp_path / "cache").rglob("*") if path.is_file()}
    assert names == {".json", f".{format}"}  # and no draft is left
