"""Building n-gram language models with KenLM: text -> counts -> ARPA file -> binary."""

from __future__ import annotations

import logging
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import sentencepiece

from open_seq2seq.data.text_files import read_lines, uncompressed
from open_seq2seq.data.watched_normalizer import WatchedNormalizer
from open_seq2seq.errors import InputError, Problem, RunError
from open_seq2seq.language_models.kenlm_tools import find_tools, perplexity, run_tool

_log = logging.getLogger(__name__)


UNITS = ("word", "character", "piece")
# What stands for the space between words in models of characters; the decoder knows it.
SPACE = "|"
# Kneser-Ney's discounts come from how many n-grams occur once, twice and so on; small or
# artificial text may have none of these. Then lmplz says one of the following.
_NEEDS_FALLBACK = ("--discount_fallback", "BadDiscountException", "discount")
_SPECIAL = {"<s>", "</s>", "<unk>"}


@dataclass(frozen=True)
class NGramOptions:
    """How a model is built.

    Args:
      order: words in the longest n-gram.
      prune: counts up to which n-grams are dropped, one for each order from 1 on; the last
        holds for all longer ones.
      vocab_size: only so many of the most frequent words are kept; None: all.
      lower_case: lower-cases the text.
      text_normalization: how the text is normalised, a name in `NORMALIZERS`; None: not at all.
      unit: "word", "character", or "piece" of a SentencePiece model.
      bpe_model: that model.
      binary_type: KenLM's "trie" or "probing"; None: no binary is built.
      quantise: bits of a probability in a trie; 0: they are not quantised.
      backoff_bits: bits of a back-off weight, if quantised.
      pointer_bits: most bits that pointers of a trie are cut by; 0: not at all.
      discount_fallback: use fixed discounts where the text is too little for its own.
      memory: of lmplz, such as "30%" or "2G".
    """

    order: int = 3
    prune: tuple[int, ...] = ()
    vocab_size: int | None = None
    lower_case: bool = False
    text_normalization: str | None = None
    unit: str = "word"
    bpe_model: str | None = None
    binary_type: str | None = "trie"
    quantise: int = 8
    backoff_bits: int = 7
    pointer_bits: int = 256
    discount_fallback: bool = True
    memory: str = "30%"

    def problems(self) -> list[Problem]:
        """What is wrong with them."""
        found = []
        if not 1 <= self.order <= 6:
            found.append(Problem("--order", str(self.order), "1 to 6, KenLM's largest"))
        if self.order == 1 and self.binary_type == "trie":
            remedy = "Give --type=probing."
            found.append(Problem("--order", "1, as a trie", "at least 2 for a trie", remedy))
        if list(self.prune) != sorted(self.prune) or len(self.prune) > self.order:
            expected = f"up to {self.order} counts that do not fall"
            found.append(Problem("--prune", " ".join(map(str, self.prune)), expected))
        if (self.unit == "piece") != (self.bpe_model is not None):
            expected = "--unit=piece and --bpe_model together"
            found.append(Problem("--unit", f"{self.unit}, --bpe_model {self.bpe_model}", expected))
        return found


@dataclass(frozen=True)
class Outputs:
    """The files that a model is built in; the text and the ARPA file are kept too."""

    text: Path
    arpa: Path
    binary: Path


@dataclass
class TextStatistics:
    """What was counted in text.

    Args:
      lines: sentences.
      tokens: words, characters or pieces in them.
      counts: of each kind of token.
    """

    lines: int
    tokens: int
    counts: Counter[str]


def outputs_for(first: str, prefix: str | None) -> Outputs:
    """The files' names: `<first>.txt`, `<first>.arpa` and `<first>-lm.binary`.

    Args:
      first: the first file of text, whose extension is left out.
      prefix: what to use instead of it; None: it.
    """
    stem = prefix
    if stem is None:
        stem = os.path.splitext(uncompressed(first))[0]
    text = Path(f"{stem}.txt")
    if prefix is None and text == Path(first):
        text = Path(f"{stem}-lm.txt")  # not over the text itself
    return Outputs(text, Path(f"{stem}.arpa"), Path(f"{stem}-lm.binary"))


def make_splitter(options: NGramOptions) -> Callable[[str], str]:
    """A function from a line to its tokens with spaces between."""
    if options.unit == "word":
        return lambda line: line
    if options.unit == "character":
        return lambda line: " ".join(SPACE if c == " " else c for c in line)
    try:
        processor = sentencepiece.SentencePieceProcessor(model_file=options.bpe_model)
        for index in range(processor.get_piece_size()):
            processor.id_to_piece(index)  # that of a damaged file may be no text
    except (RuntimeError, OSError, UnicodeDecodeError) as error:
        problem = Problem(str(options.bpe_model), str(error), "a SentencePiece model")
        raise InputError("The pieces cannot be read:", [problem]) from error
    return lambda line: " ".join(processor.encode(line, out_type=str))


def write_text(lines: Iterable[str], split: Callable[[str], str], path: Path) -> TextStatistics:
    """Writes the tokens of each line to `path`, and counts them.

    Raises:
      InputError: there are none, or a word has KenLM's meaning of a sentence's end or the like.
    """
    counts: Counter[str] = Counter()
    number = tokens = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        for line in lines:
            text = split(line)
            words = text.split()
            counts.update(words)
            number, tokens = number + 1, tokens + len(words)
            file.write(text + "\n")
    special = sorted(_SPECIAL & counts.keys())
    if special:
        problem = Problem(str(path), f"the word {special[0]}", "text without KenLM's own words")
        raise InputError("The text cannot be used:", [problem])
    if not tokens:
        raise InputError("The text cannot be used:", [Problem(str(path), "no words", "words")])
    return TextStatistics(number, tokens, counts)


def build_ngram(
    files: Sequence[str],
    options: NGramOptions,
    outputs: Outputs,
    tools_folder: str | None = None,
    dev: str | None = None,
) -> None:
    """Builds a model of the text in `files`, and says how it goes.

    Args:
      files: text, or CSV files with a column `transcript`; also compressed, and tars.
      tools_folder: where KenLM's programs are.
      dev: text whose perplexity is measured; it is not trained on.

    Raises:
      InputError: the options, the text or KenLM's programs are not what they should be.
      RunError: one of KenLM's programs failed.
    """
    problems = options.problems()
    if problems:
        raise InputError("The options do not fit:", problems)
    names = ["lmplz", *(["build_binary"] if options.binary_type else []), *(["query"] * bool(dev))]
    tools = find_tools(names, tools_folder)
    for path in (outputs.text, outputs.arpa, outputs.binary):
        if os.path.abspath(path) in map(os.path.abspath, [*files, *([dev] if dev else [])]):
            problem = Problem(str(path), "an input and an output", "one of them", "Give --output.")
            raise InputError("The text would be overwritten:", [problem])
    split = make_splitter(options)
    counted = write_text(_lines(files, options), split, outputs.text)
    kinds = len(counted.counts)
    _log.info(f"{counted.lines} lines, {counted.tokens} {options.unit}s, {kinds} different")
    with tempfile.TemporaryDirectory(prefix="ngram") as scratch:
        limit = _write_vocabulary(counted, options, Path(scratch) / "vocabulary.txt")
        _estimate(tools["lmplz"], options, outputs, limit, scratch)
        model = outputs.arpa
        if options.binary_type:
            _make_binary(tools["build_binary"], options, outputs)
            model = outputs.binary
        if dev:
            _measure(tools["query"], model, dev, options, split, Path(scratch))


def _lines(files: Sequence[str], options: NGramOptions) -> Iterator[str]:
    """The text's lines, normalised."""
    normalize = WatchedNormalizer(options.text_normalization, options.lower_case)
    empty = 0
    for _, line in read_lines(files, options.lower_case, normalize.lines):
        if line:
            yield line
        else:
            empty += 1
    if empty:
        _log.info(f"{empty} lines have no words once they are normalised, and are left out")
    if normalize.note:
        _log.info(normalize.note)


def _write_vocabulary(counted: TextStatistics, options: NGramOptions, path: Path) -> Path | None:
    """The most frequent words, for lmplz; None if there is no limit."""
    if options.vocab_size is None or options.vocab_size >= len(counted.counts):
        return None
    # Among words of one frequency the alphabet decides.
    ranked = sorted(counted.counts.items(), key=lambda item: (-item[1], item[0]))
    kept = ranked[: options.vocab_size]
    path.write_text("".join(f"{word}\n" for word, _ in kept), encoding="utf-8")
    share = 1 - sum(count for _, count in kept) / counted.tokens
    rarest = kept[-1][1]
    _log.info(
        f"The {len(kept)} most frequent {options.unit}s are kept (the rarest occurs {rarest} "
        f"times); {share:.2%} of the text is not among them"
    )
    return path


def _estimate(
    lmplz: str,
    options: NGramOptions,
    outputs: Outputs,
    limit: Path | None,
    scratch: str,
) -> None:
    """lmplz, a second time with fixed discounts if the text is too little for its own."""
    command: list[str | Path] = [lmplz, "-o", str(options.order), "-S", options.memory]
    command += ["-T", scratch, "--arpa", outputs.arpa]
    if options.prune:
        command += ["--prune", *map(str, options.prune)]
    if limit is not None:
        command += ["--limit_vocab_file", limit]
    for fallback in (False, True):
        try:
            with open(outputs.text, "rb") as text:
                run_tool([*command, "--discount_fallback"] if fallback else command, text)
            break
        except RunError as error:
            short = any(word in str(error) for word in _NEEDS_FALLBACK)
            if fallback or not short:
                raise
            if not options.discount_fallback:
                raise RunError(f"{error}\nLet it use fixed discounts, or give more text.") from None
            _log.info(
                "The text is too little, or too artificial, to estimate Kneser-Ney discounts from: "
                "fixed ones are used (--discount_fallback)."
            )
    counts = [line.strip() for line in _arpa_header(outputs.arpa)]
    _log.info(f"{outputs.arpa}: {', '.join(counts)} ({_size(outputs.arpa)})")


def _arpa_header(path: Path) -> list[str]:
    """`ngram 1=60003` and so on, as "60003 1-grams"."""
    lines = []
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("ngram "):
                order, _, count = line.removeprefix("ngram ").partition("=")
                lines.append(f"{count.strip()} {order}-grams")
            elif lines:
                break
    return lines


def _make_binary(build_binary: str, options: NGramOptions, outputs: Outputs) -> None:
    command: list[str | Path] = [build_binary]
    if options.binary_type == "trie":
        if options.quantise:
            command += ["-q", str(options.quantise), "-b", str(options.backoff_bits)]
        if options.pointer_bits:
            command += ["-a", str(options.pointer_bits)]
    run_tool([*command, str(options.binary_type), outputs.arpa, outputs.binary])
    quantised = f", {options.quantise} bits" if options.quantise else ""
    kind = f"trie{quantised}" if options.binary_type == "trie" else options.binary_type
    _log.info(f"{outputs.binary}: {kind} ({_size(outputs.binary)})")


def _measure(
    query: str,
    model: Path,
    dev: str,
    options: NGramOptions,
    split: Callable[[str], str],
    scratch: Path,
) -> None:
    counted = write_text(_lines([dev], options), split, scratch / "dev.txt")
    with open(scratch / "dev.txt", "rb") as text:
        values = perplexity(query, model, text)
    unknown = values["unknown"] / counted.tokens
    _log.info(
        f"{dev}: {counted.lines} lines, {counted.tokens} {options.unit}s, {unknown:.2%} out of "
        f"vocabulary; perplexity {values['perplexity']:.2f}, without these "
        f"{values['perplexity_without_unknown']:.2f}"
    )


def _size(path: Path) -> str:
    size = path.stat().st_size
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size} bytes"
