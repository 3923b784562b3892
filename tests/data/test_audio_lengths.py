"""Every container and codec that libsndfile writes, whole, cut, joined, piped and with wrong sizes.

Each file gives the samples that were written, or one error that names it; never fewer or others.
"""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import pytest
import soundfile

from open_seq2seq.data.audio import audio_blocks, audio_info, read_audio
from open_seq2seq.errors import InputError

RATE = 8000
# The containers whose length can be checked; the others are refused.
READ = {"WAV", "WAVEX", "RF64", "W64", "AIFF", "CAF", "AU", "NIST", "HTK", "FLAC", "OGG", "MP3"}
PAIRS = [
    (container, codec)
    for container in soundfile.available_formats()
    if container != "RAW"
    for codec in soundfile.available_subtypes(container)
]
# Where the numbers of a header are, in bytes: at most so far from the beginning of the file.
HEADER = {"CAF": 4096, "FLAC": 42, "OGG": 58, "MP3": 60}
USUAL_HEADER = 140
# What programs write for a size that they do not know.
UNKNOWN = (0xFFFFFFFF, 0x7FFFF000, 0x7FFFFEFF, 0x7F000000, 0x80000000)


def sound(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, count).astype(np.float32)


@dataclass(frozen=True)
class Written:
    """Files of one kind: two sounds, each with what libsndfile itself reads of it."""

    first: bytes
    second: bytes
    samples: np.ndarray
    second_samples: np.ndarray
    sizes: tuple[tuple[int, int, Literal["little", "big"]], ...]  # in the header, of the length


@cache
def written(container: str, codec: str, folder: str, channels: int) -> Written | None:
    """None: libsndfile cannot write this codec in this container, or read it again."""
    contents, samples = [], []
    for number, count in enumerate((3200, 4840, 3840)):
        path = f"{folder}/{container}-{codec}-{channels}-{number}"
        values = np.stack([sound(4840, one)[:count] for one in range(channels)], axis=1)
        try:
            soundfile.write(path, values, RATE, format=container, subtype=codec)
            with open(path, "rb") as file:
                contents.append(file.read())
            samples.append(soundfile.read(path, dtype="float32", always_2d=True)[0])
        except soundfile.SoundFileError:
            return None
    first, second, third = contents
    end = USUAL_HEADER if codec.startswith("ALAC") else HEADER.get(container, USUAL_HEADER)
    mixed = [one.mean(axis=1, dtype=np.float32) for one in samples]
    return Written(first, second, mixed[0], mixed[1], sizes_in(first, second, third, end))


def sizes_in(
    first: bytes, second: bytes, third: bytes, end: int
) -> tuple[tuple[int, int, Literal["little", "big"]], ...]:
    """Place, width and order of the numbers in a header that grow in proportion to the length.

    The sounds begin alike, so that little else differs between the files.
    """
    found: list[tuple[int, int, Literal["little", "big"]]] = []
    for at in range(min(len(first), end)):
        if len({first[at : at + 4], second[at : at + 4], third[at : at + 4]}) < 3:
            continue
        for width, order in itertools.product((2, 4, 8), ("little", "big")):
            one, two, three = (
                int.from_bytes(content[at : at + width], order)
                for content in (first, second, third)
            )
            grown = (three - one) / (two - one) if two != one else 0.0
            if abs(grown * (4840 - 3200) - (3840 - 3200)) < 16 and 0 < one < 16 * len(first):
                found.append((at, width, order))
    return tuple(found)


def outcome(path: str) -> np.ndarray | None:
    """The samples of a file, or None where there was one error that says all.

    The header says the same number; read in blocks the file gives the same.
    """
    try:
        samples = read_audio(path, RATE)
    except InputError as error:
        (problem,) = error.problems
        assert problem.where == path
        assert problem.found and problem.expected and problem.remedy
        with pytest.raises(InputError) as caught:
            list(audio_blocks(path, 1000))
        assert str(caught.value) == str(error)
        return None
    assert audio_info(path).frames == len(samples)
    blocks = np.concatenate(list(audio_blocks(path, 1000))).mean(axis=1, dtype=np.float32)
    np.testing.assert_allclose(blocks, samples, rtol=0, atol=1e-6)
    return samples


def put(tmp_path, content: bytes) -> str:
    path = tmp_path / "tried"
    path.write_bytes(content)
    return os.fspath(path)


def right_or_refused(tmp_path, content: bytes, samples: np.ndarray, what: str) -> bool:
    """Asserts that the file gives `samples` or an error; returns whether it gives them."""
    found = outcome(put(tmp_path, content))
    if found is not None:
        assert len(found) == len(samples), what
        np.testing.assert_allclose(found, samples, rtol=0, atol=1e-6, err_msg=what)
    return found is not None


@pytest.fixture
def files(request, tmp_path_factory):
    """The files of a pair; one of each container with two channels as well."""

    def of(container: str, codec: str, channels: int = 1) -> Written | None:
        return written(container, codec, str(tmp_path_factory.getbasetemp()), channels)

    return of


@pytest.mark.parametrize(("container", "codec"), PAIRS)
def test_whole_files(tmp_path, files, container, codec):
    for channels in (1, 2):
        file = files(container, codec, channels)
        if file is None:
            continue
        is_read = right_or_refused(tmp_path, file.first, file.samples, "whole")
        assert is_read == (container in READ and (container, codec) != ("AIFF", "GSM610"))
        if is_read and container not in ("MP3", "OGG"):
            # Codecs of few bits fill the last block up; none loses anything.
            assert 3200 <= len(file.samples) < 3200 + 1024


def test_most_pairs_are_tried(files):
    """So that a library that writes nothing does not make the other tests pass."""
    tried = [pair for pair in PAIRS if files(*pair) is not None]
    assert len(tried) > 80
    assert {container for container, _ in tried} >= READ


@pytest.mark.parametrize(("container", "codec"), PAIRS)
def test_cut_files(tmp_path, files, container, codec):
    file = files(container, codec)
    if file is None:
        return
    size = len(file.first)
    for end in (size - 1, size - 2, size - 9, size * 9 // 10, size // 2, size // 5, 20, 1):
        # A last byte may be one of padding: then nothing is missing.
        right_or_refused(tmp_path, file.first[:end], file.samples, f"cut to {end} of {size}")


@pytest.mark.parametrize(("container", "codec"), PAIRS)
def test_joined_files(tmp_path, files, container, codec):
    file = files(container, codec)
    if file is None:
        return
    for other, samples in ((file.first, file.samples), (file.second, file.second_samples)):
        joined = np.concatenate([file.samples, samples])
        right_or_refused(tmp_path, file.first + other, joined, "joined")


@pytest.mark.parametrize(("container", "codec"), PAIRS)
def test_wrong_sizes(tmp_path, files, container, codec):
    file = files(container, codec)
    if file is None or container not in READ:
        return
    for at, width, order in file.sizes:
        size = int.from_bytes(file.first[at : at + width], order)
        most = (1 << 8 * width) - 1
        values = {0, 1, size // 2, size - 2, size + 2, size + 1000, most}
        for value in sorted({v for v in values if 0 <= v <= most} - {size}):
            content = bytearray(file.first)
            content[at : at + width] = value.to_bytes(width, order)
            what = f"{value} for {size} at byte {at}"
            right_or_refused(tmp_path, bytes(content), file.samples, what)


@pytest.mark.parametrize("container", ["WAV", "WAVEX"])
@pytest.mark.parametrize("value", UNKNOWN)
def test_wav_of_a_pipe_is_read(tmp_path, files, container, value):
    file = files(container, "PCM_16")
    content = bytearray(file.first)
    at = content.index(b"data") + 4
    content[at : at + 4] = content[4:8] = value.to_bytes(4, "little")
    assert right_or_refused(tmp_path, bytes(content), file.samples, hex(value))


def test_au_of_a_pipe_is_read_and_caf_refused(tmp_path, files):
    file = files("AU", "PCM_16")
    content = file.first[:8] + b"\xff" * 4 + file.first[12:]
    assert right_or_refused(tmp_path, content, file.samples, "AU")
    file = files("CAF", "PCM_16")
    at = file.first.index(b"data") + 4
    content = file.first[:at] + b"\xff" * 8 + file.first[at + 8 :]
    assert outcome(put(tmp_path, content)) is None  # libsndfile does not open it


@pytest.mark.parametrize("codec", ["PCM_16", "PCM_24"])
def test_flac_of_a_pipe_is_read(tmp_path, files, codec):
    """Its header says 0 samples; its length is found by decoding it."""
    file = files("FLAC", codec)
    content = bytearray(file.first)
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    content[26:42] = bytes(16)  # nor is its MD5 sum known
    assert right_or_refused(tmp_path, bytes(content), file.samples, "whole")
    assert outcome(put(tmp_path, bytes(content) + file.second)) is None
    path = put(tmp_path, bytes(content))
    np.testing.assert_array_equal(read_audio(path, RATE, 0.1, 0.05), file.samples[800:1200])
    assert audio_info(path).duration == 3200 / RATE


def test_what_is_behind_the_sound(tmp_path, files):
    """Chunks and tags are no sound; anything else may be."""
    file = files("WAV", "PCM_16")
    harmless = [
        b"LIST\x04\0\0\0INFO",
        b"id3 \x03\0\0\0abc\0",
        b"abcd\x02\0\0\0xy" + b"LIST\x04\0\0\0INFO",
        b"TAG" + bytes(125),
        bytes(300),
        b"\0",
    ]
    for rest in harmless:
        assert right_or_refused(tmp_path, file.first + rest, file.samples, repr(rest))
    for rest in (b"\x01\xff" * 200, file.first[44:], b"RIFF\0\0\0\0WAVE"):
        assert outcome(put(tmp_path, file.first + rest)) is None


def message(path: str) -> str:
    with pytest.raises(InputError) as caught:
        read_audio(path, RATE)
    return str(caught.value.problems[0])


def test_messages(tmp_path, files):
    file = files("WAV", "PCM_16")
    cases = {
        "0 bytes of sound, and 6400 bytes behind it": (40, 0),
        "6300 bytes behind the 100 bytes of sound": (40, 100),
        "6400 bytes of sound where its header says 7400": (40, 7400),
    }
    for words, (at, value) in cases.items():
        content = file.first[:at] + value.to_bytes(4, "little") + file.first[at + 4 :]
        path = put(tmp_path, content)
        assert words in message(path)
        with pytest.raises(InputError, match=words):
            audio_info(path)
    size = len(file.second)
    path = put(tmp_path, file.first + file.second)
    assert f"joined: {size} bytes behind the end of the first, at byte 6444" in message(path)
    for container, codec in (("OGG", "OPUS"), ("OGG", "VORBIS"), ("FLAC", "PCM_16")):
        file = files(container, codec)
        path = put(tmp_path, file.first + file.second)
        size = len(file.second)
        assert f"joined: {size} bytes behind the end of the first" in message(path)
        assert "ffmpeg -i IN OUT.flac" in message(path)
        # The header alone tells it, too.
        with pytest.raises(InputError, match="joined"):
            audio_info(path)
    path = put(tmp_path, files("VOC", "PCM_16").first)
    assert "VOC" in message(path) and "sox IN OUT.flac" in message(path)


def test_a_pipe_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    assert "a pipe or a device" in message(os.fspath(tmp_path / "pipe.wav"))
    assert "a pipe or a device" in message("/dev/null")


@pytest.mark.parametrize("name", [b"\xff\xfe.wav", b"a\nb.wav", "ü☃.wav".encode(), b" .wav"])
def test_names_of_any_bytes(tmp_path, files, name):
    file = files("WAV", "PCM_16")
    path = os.path.join(os.fsencode(tmp_path), name)
    with open(path, "wb") as stream:
        stream.write(file.first)
    np.testing.assert_array_equal(read_audio(os.fsdecode(path), RATE), file.samples)
    assert audio_info(os.fsdecode(path)).frames == 3200


@pytest.mark.parametrize("name", ["a\0b.wav", "x" * 300 + ".wav"])
def test_names_that_cannot_be(name):
    with pytest.raises(InputError) as caught:
        audio_info(name)
    assert caught.value.problems[0].where == name
