"""Damaged archives and scripts: an array, or a sentence."""

import tracemalloc
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from open_seq2seq.errors import InputError
from open_seq2seq.kaldi_io import ArkWriter, read_object, read_table, scan_ark
from tests.fuzzing import COUNTS, assert_reads_or_refuses, fuzz_file

DATA = Path(__file__).parent / "data"
FILES = ["feats_compressed.ark", "conf.ark", "ali.ark", "conf.txt", "ali.txt"]


def read_all(path):
    for _, array in read_table(path):
        array.sum()


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("reader", [read_all, lambda path: list(scan_ark(path)), read_object])
def test_damaged_archives(reader, count, tmp_path):
    path = tmp_path / "table"
    contents = [(DATA / name).read_bytes() for name in FILES]
    path.write_bytes(contents[0])
    was_read, refused = fuzz_file(reader, path, 1, count // 3, contents[1:])
    assert refused and (was_read or reader is read_object)


@pytest.mark.parametrize("name", FILES)
def test_archives_that_end_early(name, tmp_path):
    whole, path = (DATA / name).read_bytes(), tmp_path / "table"
    step = max(len(whole) // 40, 1)
    for size in [*range(1, 80, 3), *range(80, len(whole), step)]:
        path.write_bytes(whole[:size])
        assert_reads_or_refuses(lambda: read_all(path), whole[:size])


@pytest.mark.parametrize("count", COUNTS)
def test_damaged_scripts(count, tmp_path, monkeypatch):
    monkeypatch.chdir(DATA)
    path = tmp_path / "table.scp"
    path.write_text("a feats.ark:39\nb feats.ark:39[0:3,1:2]\nc ./conf.ark:36\nd ali.txt:16\n")
    was_read, refused = fuzz_file(read_all, path, 2, count // 3)
    assert was_read and refused


@pytest.mark.parametrize("kind", ["FM", "DM", "CM", "CM2", "CM3", "FV", "DV"])
@pytest.mark.parametrize("packed", [False, True])
def test_no_memory_is_taken_for_promises(kind, packed, tmp_path):
    import gzip

    huge = b"\xff\xff\xff\x7f"
    sizes = bytes(8) + huge + huge if kind.startswith("C") else b"\4" + huge
    sizes += b"\4" + huge if kind.endswith("M") else b""
    content = b"a \0B" + f"{kind} ".encode() + sizes + bytes(1000)
    path = tmp_path / "table"
    path.write_bytes(gzip.compress(content) if packed else content)
    tracemalloc.start()
    try:
        for read in (read_all, lambda path: list(scan_ark(path))):
            with pytest.raises(Exception, match="to the end of the file"):
                read(path)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["FM", "DM", "CM", "CM2", "CM3", "FV", "DV", "text"])
def test_every_cut_archive_ends_in_one_sentence(kind, tmp_path):
    """Between its utterances it is a shorter archive, empty ones are archives too."""
    rows = np.arange(27, dtype=np.float32).reshape(9, 3)
    rows = rows[0] if kind.endswith("V") else rows
    path, ends = tmp_path / "x.ark", [0]
    for keys in ("a", "ab"):
        options = {"text": True} if kind == "text" else {"kind": kind}
        with ArkWriter(path, **options) as writer:
            for key in keys:
                writer.write(f"utt-{key}", rows)
        ends.append(path.stat().st_size)
    whole = path.read_bytes()
    if kind == "text":  # without the end of its last line it is whole
        ends += [end - 1 for end in ends[1:]]
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        for read in (read_all, lambda path: list(scan_ark(path))):
            error = assert_reads_or_refuses(partial(read, path), whole[:size])
            if size in ends:
                assert error is None or isinstance(error, list), (size, error)
            else:
                assert isinstance(error, InputError) and len(error.problems) == 1, (size, error)


@pytest.mark.slow
def test_every_cut_script_ends_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.chdir(DATA)
    path = tmp_path / "x.scp"
    whole = b"a feats.ark:39\nb feats.ark:39[0:3,1:2]\nc ./conf.ark:36\n"
    refused = 0
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        error = assert_reads_or_refuses(lambda: read_all(path), whole[:size])
        if error is not None:
            assert len(error.problems) == 1, (size, error)
            refused += 1
    assert refused > len(whole) // 2
