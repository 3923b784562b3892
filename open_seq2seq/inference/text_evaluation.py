"""Running a language model over text: the loss of a token, and the perplexity."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

import numpy as np

from open_seq2seq.data.protocols import LinesDataLayer
from open_seq2seq.distributed.process_group import ALONE, ProcessGroup
from open_seq2seq.inference.forward import EvaluationStep
from open_seq2seq.progress import ProgressFactory, unshown


@dataclass
class TextEvaluation:
    """The result of evaluating a language model on text.

    Args:
      loss: nats per token, the ends of lines included: the mean over the lines whose loss is
        finite.
      infinite_losses: lines whose loss is not.
      tokens: how many the mean is over.
      words: words in all lines, with one end for each line.
      unknown: tokens that the vocabulary does not have.
      line_losses: [line] nats, in the order of the data.
      seconds: wall time.
    """

    loss: float
    infinite_losses: int
    tokens: int
    words: int
    unknown: int
    line_losses: np.ndarray = field(repr=False)
    seconds: float = 0.0

    @property
    def perplexity(self) -> float:
        """Of a token."""
        return math.exp(min(self.loss, 700.0))

    @property
    def word_perplexity(self) -> float:
        """Of a word or end of line: what models with other tokens can be compared by."""
        return math.exp(min(self.loss * self.tokens / max(self.words, 1), 700.0))

    @property
    def rates(self) -> dict[str, float]:
        """What is recorded of it at each evaluation during training."""
        return {"perplexity": self.perplexity, "word_perplexity": self.word_perplexity}

    @property
    def other_figures(self) -> dict[str, float]:
        """What loggers show besides: nothing."""
        return {}

    def short(self) -> str:
        """The result in a word and a number."""
        return f"perplexity {self.perplexity:.1f}"

    def line(self) -> str:
        """The result in few words."""
        words = f"{self.word_perplexity:.2f} per word"
        return f"eval loss {self.loss:.4f}, perplexity {self.perplexity:.2f} ({words})"

    def text(self) -> str:
        """The result at length; all lines but the first are indented."""
        lines = [
            f"Validation perplexity:  {self.perplexity:.4f}",
            f"loss {self.loss:.4f} nats per token over {self.tokens} tokens of "
            f"{len(self.line_losses)} lines, ends included",
            f"perplexity of a word {self.word_perplexity:.2f} over {self.words} words and ends",
            f"{self.unknown} tokens are not in the vocabulary "
            f"({self.unknown / max(self.tokens, 1):.2%})",
        ]
        if self.infinite_losses:
            lines.append(f"{self.infinite_losses} losses were not finite and are not in the mean")
        speed = self.tokens / max(self.seconds, 1e-9)
        return "\n    ".join([*lines, f"{self.seconds:.1f} s ({speed:.0f} tokens/s)"])

    def summary(self) -> dict[str, float]:
        """The numbers, for JSON."""
        return {
            "perplexity": self.perplexity,
            "word_perplexity": self.word_perplexity,
            "loss": self.loss,
            "tokens": self.tokens,
            "words": self.words,
            "unknown": self.unknown,
            "lines": len(self.line_losses),
            "infinite_losses": self.infinite_losses,
            "seconds": self.seconds,
        }


def evaluate_text(
    step: EvaluationStep,
    data: LinesDataLayer,
    progress: ProgressFactory = unshown,
    group: ProcessGroup = ALONE,
) -> TextEvaluation | None:
    """Loss and perplexity over all of `data`; neither batches nor workers change them.

    Args:
      step: the compiled forward pass of the model.
      data: a text data layer.
      progress: shows how far it is.
      group: those that evaluate together, each its share of the batches.

    Returns:
      The result at the first worker, None at the others.
    """
    started = time.monotonic()
    share: dict[int, tuple[float, int]] = {}
    unknown = 0
    with progress("evaluating", data.batches_per_epoch) as shown:
        for batch in data.batches():
            pairs = zip(step.losses(batch).tolist(), batch.lengths.tolist())
            share.update(zip(batch.indices.tolist(), pairs))
            inside = np.arange(batch.targets.shape[1]) < batch.lengths[:, None]
            unknown += int(np.count_nonzero(inside & (batch.targets == data.vocabulary.unknown)))
            shown.advance("")
    shares = group.gather((share, unknown))
    if not group.is_rank_zero:
        return None
    losses = np.full(len(data.utterances), np.inf)
    tokens = np.zeros(len(losses), np.int64)
    for lines, _ in shares:
        for row, (loss, length) in lines.items():
            losses[row], tokens[row] = loss, length
    unknown = sum(count for _, count in shares)
    finite = np.isfinite(losses)
    count = int(tokens[finite].sum())
    texts = (line.transcript or "" for line, kept in zip(data.utterances, finite) if kept)
    words = sum(len(text.split()) + 1 for text in texts)
    loss = float(losses[finite].sum() / count) if count else float("inf")
    seconds = time.monotonic() - started
    return TextEvaluation(loss, int((~finite).sum()), count, words, unknown, losses, seconds)
