"""The data layer of language models: files of text in, batches of tokens out."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from typing import Any

import numpy as np

from open_seq2seq.config.schema import Param, Params, Schema
from open_seq2seq.data.batch import TextBatch, Unit
from open_seq2seq.data.batching import BatchPlanner
from open_seq2seq.data.checks import CheckReport
from open_seq2seq.data.epoch_plan import EpochPlan, PlannedBatch
from open_seq2seq.data.normalization import NORMALIZATION
from open_seq2seq.data.paths import config_path
from open_seq2seq.data.text_files import read_lines
from open_seq2seq.data.text_line import TextLine
from open_seq2seq.data.watched_normalizer import WatchedNormalizer
from open_seq2seq.data.word_vocabulary import load_text_vocabulary, make_text_vocabulary
from open_seq2seq.errors import InputError, Problem
from open_seq2seq.files import JsonObject

TEXT_DATA = Schema(
    "TextDataLayer",
    [
        Param(
            "vocab_file",
            str,
            "File with one word per line, `<S>` and `<UNK>` among them, or a SentencePiece model "
            "(bpe). With vocab_size training makes it if it is not there.",
        ),
        Param(
            "dataset_files",
            list,
            "Text, a sentence in each line, or CSVs with a column transcript; also compressed.",
            default=[],
            item=Param("file", str, "A file."),
        ),
        Param("bpe", bool, "Tokens are the pieces of a SentencePiece model, not words.", False),
        Param(
            "vocab_size",
            int,
            "Tokens of the vocabulary that training makes of its text; None: it makes none.",
            None,
            minimum=3,
        ),
        Param(
            "min_count", int, "Rarer words are left out of the vocabulary it makes.", 1, minimum=1
        ),
        Param("lower_case", bool, "Lower-cases the text.", False),
        NORMALIZATION,
        Param(
            "max_length",
            int,
            "Lines of more tokens, end included, are left out of training; None: none are.",
            None,
            minimum=2,
        ),
        Param("shuffle", bool, "Random batches in random order; None: in training only.", None),
        Param(
            "num_buckets", int, "Number of lengths that batches are padded to.", 8, minimum=1
        ),
        Param("pad_to", int, "The lengths of batches are multiples of it.", 4, minimum=1),
        Param(
            "max_batch_tokens",
            int,
            "Tokens in a batch of each device, padding included, at most; beside the batch size.",
            None,
            minimum=2,
        ),
    ],
    summary="Lines of text as batches of tokens.",
)  # fmt: skip


class TextDataLayer:
    """Lines of text as batches of tokens, each line between a beginning and an end.

    The order comes from (seed, epoch): a run goes on at any batch of an epoch. In evaluation
    every line counts, however long.

    Args:
      params: see `PARAMS`.
      mode: "train", "eval" or "infer".
      batch_size: lines in a batch, for each device.
      seed: source of the order.
      rank, world_size, devices: as in `Speech2TextDataLayer`.
      utterances: lines to use instead of reading `dataset_files`.

    Raises:
      InputError: parameters, vocabulary or text are not valid.
    """

    PARAMS = TEXT_DATA
    UNIT: Unit = TextBatch.UNIT

    def __init__(
        self,
        params: Params,
        *,
        mode: str,
        batch_size: int,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        devices: int = 1,
        utterances: Sequence[TextLine] | None = None,
    ):
        self.params = self.PARAMS.parse(params)
        self.mode, self.batch_size, self.seed = mode, batch_size, seed
        self.rank, self.world_size, self.devices = rank, world_size, devices
        if self.params["shuffle"] and mode != "train":
            problem = Problem("shuffle", f"True in {mode}", "False", "Put it into train_params.")
            raise InputError("Only training data can be shuffled:", [problem])
        lower_case = self.params["lower_case"]
        normalize = WatchedNormalizer(self.params["text_normalization"], lower_case)
        self.notes: list[str] = []
        if utterances is None:
            read = list(read_lines(self.params["dataset_files"], lower_case, normalize.lines))
            lines = [line for line in read if line[1]]
            if len(lines) < len(read):
                empty = len(read) - len(lines)
                self.notes.append(f"{empty} lines have no words once normalised: left out.")
        else:
            texts = [" ".join(normalize(line.transcript).split()) for line in utterances]
            texts = [text.lower() if lower_case else text for text in texts]
            lines = [(line.source, text) for line, text in zip(utterances, texts)]
        if normalize.note:
            self.notes.append(normalize.note)
        self._make_vocabulary([text for _, text in lines])
        self.vocabulary = load_text_vocabulary(self.params["vocab_file"], self.params["bpe"])
        self.utterances = _Lines(lines)
        if self.utterances:
            self._encode()
            self._planner = self._make_planner()
        elif utterances is None:
            found = ", ".join(self.params["dataset_files"]) or "no dataset_files"
            raise InputError("There is no text:", [Problem(found, "no lines", "at least one")])
        self._plan: tuple[int, EpochPlan] | None = None

    @property
    def batches_per_epoch(self) -> int:
        """Batches of this worker in an epoch; in training the same for every worker."""
        return self._planner.batches_per_epoch if self.utterances else 0

    @property
    def bucket_lengths(self) -> list[int]:
        """The numbers of tokens that batches are padded to."""
        return self._planner.bucket_lengths.tolist() if self.utterances else []

    def padding_share(self, epoch: int = 0) -> float:
        """The part of an epoch's batches that is padding."""
        return self._epoch_plan(epoch).padding_share

    def fingerprint(self) -> JsonObject:
        """What the text must agree on with a model that was trained on it."""
        return {name: self.params[name] for name in ("lower_case", "text_normalization")}

    def fingerprint_problems(self, stored: JsonObject) -> list[Problem]:
        """What differs from the fingerprint in a checkpoint."""
        return [
            Problem(f"data_layer_params/{name}", repr(value), f"{stored.get(name)!r}, as trained")
            for name, value in self.fingerprint().items()
            if stored.get(name) != value
        ]

    def restore_statistics(self, fingerprint: JsonObject) -> None:
        """Text has no statistics."""

    def check(self, output_length: Callable[[np.ndarray], np.ndarray] | None = None) -> CheckReport:
        """What the user should know; nothing is wrong with text that could be read."""
        return CheckReport(notes=list(self.notes))

    def drop(self, report: CheckReport) -> None:
        """Nothing: `check` finds no row that could be dropped."""

    def batches(self, epoch: int = 0, start: int = 0) -> Generator[TextBatch, None, None]:
        """The batches of an epoch from number `start` on."""
        plan = self._epoch_plan(epoch)
        for step in range(start, len(plan)):
            yield self._batch(plan.batch(step))

    def _make_vocabulary(self, texts: Sequence[str]) -> None:
        """Makes the vocabulary if training is asked to, and says so."""
        path, size = config_path(self.params["vocab_file"]), self.params["vocab_size"]
        if self.mode != "train" or size is None or not texts:
            return
        if os.path.isfile(path):
            self.notes.append(f"{path} is used as it is; remove it to have it made again.")
            return
        make_text_vocabulary(path, texts, size, self.params["bpe"], self.params["min_count"])
        self.notes.append(f"The vocabulary was made of this text and written to {path}.")

    def _encode(self) -> None:
        """All lines' ids behind each other, and where each begins."""
        limit = self.params["max_length"] if self.mode == "train" else None
        ids, kept = [], []
        for row, (_, text) in enumerate(self.utterances.lines):
            line = self.vocabulary.encode(text)
            if limit is None or len(line) < limit:
                ids.append(line)
                kept.append(row)
        left_out = len(self.utterances) - len(kept)
        if left_out:
            self.notes.append(f"{left_out} lines have more than {limit} tokens and are left out.")
            self.utterances = _Lines([self.utterances.lines[row] for row in kept])
        if not ids:
            problem = Problem("max_length", f"{limit}", "more than the shortest line has")
            raise InputError("Nothing is left of the text:", [problem])
        self._ids = np.concatenate(ids) if ids else np.zeros(0, np.int32)
        self._starts = np.concatenate([[0], np.cumsum([len(line) for line in ids])])
        unknown = int(np.count_nonzero(self._ids == self.vocabulary.unknown))
        share = unknown / max(len(self._ids), 1)
        self.notes.append(
            f"{len(ids)} lines, {len(self._ids)} tokens of {self.vocabulary.size} kinds; "
            f"{share:.2%} are not in the vocabulary."
        )

    def _make_planner(self) -> BatchPlanner:
        shuffle = self.params["shuffle"]
        return BatchPlanner(
            samples=(np.diff(self._starts) + 1)[:, None],
            count_frames=lambda tokens, factors, pauses: tokens,
            batch_size=self.batch_size,
            max_batch_frames=self.params["max_batch_tokens"],
            num_buckets=self.params["num_buckets"],
            pad_to=self.params["pad_to"],
            seed=self.seed,
            rank=self.rank,
            world_size=self.world_size,
            devices=self.devices,
            takes_whole_batches=self.mode != "train",
            shuffle=self.mode == "train" if shuffle is None else shuffle,
        )

    def _epoch_plan(self, epoch: int) -> EpochPlan:
        if self._plan is None or self._plan[0] != epoch:
            self._plan = epoch, self._planner.epoch(epoch)
        return self._plan[1]

    def _batch(self, planned: PlannedBatch) -> TextBatch:
        rows, length = planned.rows, planned.length
        tokens = np.zeros((len(rows), length), np.int32)
        targets = np.zeros((len(rows), length), np.int32)
        lengths = (self._starts[rows + 1] - self._starts[rows] + 1).astype(np.int32)
        for index, row in enumerate(rows):
            line = self._ids[self._starts[row] : self._starts[row + 1]]
            tokens[index, 0] = self.vocabulary.begin
            tokens[index, 1 : len(line) + 1] = targets[index, : len(line)] = line
            targets[index, len(line)] = self.vocabulary.end
        return TextBatch(tokens, targets, lengths, rows, planned.is_padding)


class _Lines(Sequence[TextLine]):
    """Lines, made when one is looked at.

    Args:
      lines: (source, text) of each.
    """

    def __init__(self, lines: Sequence[tuple[str, str]]):
        self.lines = lines

    def __len__(self) -> int:
        return len(self.lines)

    def __getitem__(self, row: Any) -> Any:
        source, text = self.lines[row]
        return TextLine(text, source)
