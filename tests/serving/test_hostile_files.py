"""Damaged files of all formats over HTTP: each has an answer, and nothing is left."""

import os
import random

import numpy as np
import pytest

from tests.exported_models import RATE, speech
from tests.serving.conftest import PATH, TEXT, transcribe, wave
from tests.tiers import slow

KINDS = {"WAV": "FLOAT", "FLAC": "PCM_16", "OGG": "VORBIS", "MP3": "MPEG_LAYER_III",
         "AIFF": "PCM_16"}  # fmt: skip


def mutated(data, rng):
    """The bytes with some changed, cut, doubled or put elsewhere."""
    found = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        place, length = rng.randrange(len(found)), rng.randint(1, 16)
        kind = rng.randrange(4)
        if kind == 0:
            found[place : place + length] = rng.randbytes(length)
        elif kind == 1:
            del found[place : place + length]
        elif kind == 2:
            found[place:place] = found[place : place + length]
        else:
            found[place] ^= 1 << rng.randrange(8)
        if not found:
            break
    return bytes(found)


@pytest.mark.parametrize("count", [20, slow(2000)])
def test_damaged_files(serve, count):
    client = serve(starts_per_minute=10**9, upload_seconds=10.0)
    rng = random.Random(0)
    samples = np.concatenate([speech(PATH)] * 3)
    whole = [wave(samples, RATE, kind, subtype) for kind, subtype in KINDS.items()]
    files = set(os.listdir("/dev/fd"))
    statuses = set()
    for _ in range(count):
        for data in whole:
            statuses.add(transcribe(client, mutated(data, rng)).status_code)
    assert statuses <= {200, 400, 413, 415}, statuses
    assert len(set(os.listdir("/dev/fd")) - files) <= 2
    assert client.service.queue.running == client.service.queue.waiting == 0
    assert transcribe(client).json()["text"] == TEXT
