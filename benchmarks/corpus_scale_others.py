"""lhotse's dynamic bucketing sampler and WebDataset on the rows of benchmarks/corpus_scale.py.

Their files are made of the same manifest: cuts as JSON lines, which lhotse reads lazily, and tars
of 10,000 rows with a JSON object each. Neither has audio, which nothing here reads.
"""

from __future__ import annotations

import io
import itertools
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BATCH, BUCKETS, BUFFER = 32, 8, 8192
_SHARD = 10_000
LHOTSE, WEBDATASET = "lhotse", "webdataset"
# Seconds and text of each utterance of a batch.
Batch = list[tuple[float, str]]


def make_cuts(path: Path, rows: Iterator[dict[str, Any]]) -> None:
    """Writes cuts of whole recordings, as `CutSet.to_jsonl` does."""
    with path.open("w") as file:
        for number, row in enumerate(rows):
            seconds, name = row["duration"], f"{number:010d}"
            said = {"id": name, "recording_id": name, "start": 0.0, "duration": seconds,
                    "channel": 0, "text": row["text"], "speaker": row["speaker"]}  # fmt: skip
            source = {"type": "file", "channels": [0], "source": row["audio_filepath"]}
            recording = {"id": name, "sources": [source], "sampling_rate": 16000,
                         "num_samples": round(seconds * 16000), "duration": seconds,
                         "channel_ids": [0]}  # fmt: skip
            cut = {"id": name, "start": 0.0, "duration": seconds, "channel": 0,
                   "supervisions": [said], "recording": recording, "type": "MonoCut"}  # fmt: skip
            file.write(json.dumps(cut) + "\n")


def make_tars(folder: Path, rows: Iterator[dict[str, Any]]) -> None:
    """Writes `000000.tar` and so on."""
    folder.mkdir()
    for number in itertools.count():
        shard = list(itertools.islice(rows, _SHARD))
        if not shard:
            return
        with tarfile.open(folder / f"{number:06d}.tar", "w") as tar:
            for place, row in enumerate(shard):
                info = tarfile.TarInfo(f"{number * _SHARD + place:010d}.json")
                data = json.dumps({"duration": row["duration"], "text": row["text"]}).encode()
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))


def lhotse_batches(path: Path, rank: int, ranks: int) -> Iterator[Batch]:
    """Batches of `BATCH` of like length."""
    from lhotse import CutSet
    from lhotse.dataset import DynamicBucketingSampler

    sampler = DynamicBucketingSampler(
        CutSet.from_jsonl_lazy(path),
        max_cuts=BATCH,
        num_buckets=BUCKETS,
        shuffle=True,
        buffer_size=BUFFER,
        rank=rank,
        world_size=ranks,
    )
    for cuts in sampler:
        yield [(cut.duration, cut.supervisions[0].text) for cut in cuts]


def webdataset_batches(folder: Path, rank: int, ranks: int) -> Iterator[Batch]:
    """Batches of `BATCH` as the buffer gives them: it does not look at lengths."""
    import webdataset

    shards = [str(path) for path in sorted(folder.glob("*.tar"))[rank::ranks]]
    data = (
        webdataset.WebDataset(
            shards, shardshuffle=len(shards), empty_check=False, nodesplitter=None
        )
        .shuffle(BUFFER)
        .decode()
        .to_tuple("json")
        .batched(BATCH, collation_fn=list)
    )
    for rows in data:
        yield [(row["duration"], row["text"]) for (row,) in rows]


def padding_share(batches: list[list[float]]) -> float:
    """The part of batches, each padded to its longest, that is padding."""
    padded = sum(len(one) * max(one) for one in batches)
    return 1 - sum(map(sum, batches)) / padded
