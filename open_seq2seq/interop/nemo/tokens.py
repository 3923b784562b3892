"""The symbols of a NeMo model: characters, the pieces of SentencePiece or BERT."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from open_seq2seq.data.symbols_file import write_symbols
from open_seq2seq.data.text import SentencePieceVocabulary, load_vocabulary
from open_seq2seq.errors import InputError
from open_seq2seq.files import write_whole
from open_seq2seq.interop.nemo.archive import Archive
from open_seq2seq.interop.nemo.refusal import refusal
from open_seq2seq.interop.nemo.section import Section

_MOST_MODEL = 1 << 26
# What NeMo names artifacts with, and SentencePiece its symbol for all that is unknown.
_IN_ARCHIVE, UNKNOWN = "nemo:", "<unk>"


@dataclass(frozen=True)
class Tokens:
    """The symbols of a network and the file that is written for them.

    Args:
      symbols: of each class, without the blank.
      kind: "characters", or a kind of `SymbolVocabulary`, or "sentencepiece".
      model: the SentencePiece model, of this kind.
    """

    symbols: list[str]
    kind: str
    model: bytes = b""

    @property
    def file_name(self) -> str:
        """What the file is called."""
        names = {"characters": "vocab.txt", "sentencepiece": "tokenizer.model"}
        return names.get(self.kind, "symbols.json")

    def write(self, folder: Path) -> None:
        """Writes the file.

        Raises:
          InputError: it doesn't give these symbols.
        """
        path = folder / self.file_name
        if self.kind == "characters":
            write_whole(path, "".join(f"{symbol}\n" for symbol in self.symbols))
        elif self.kind == "sentencepiece":
            write_whole(path, self.model)
        else:
            write_symbols(path, self.symbols, self.kind)
        found = load_vocabulary(str(path), bpe=self.kind == "sentencepiece")
        if list(found.symbols) != self.symbols:
            expected = f"the {len(self.symbols)} symbols of decoder/vocabulary, in their order"
            where = self.file_name
            raise refusal(where, f"{len(found.symbols)} others", expected)


def read_labels(labels: list[str], where: str) -> Tokens:
    """Symbols that texts are written with one after the other.

    Raises:
      InputError: there are none, or one is empty.
    """
    if not labels or not all(labels):
        raise refusal(where, "no labels, or an empty one", "a text for each class")
    # The text file of characters has no place for what looks like white space, or is there twice.
    plain = all(len(one) == 1 and one.isprintable() for one in labels)
    plain = plain and len(set(labels)) == len(labels) and not {"\\", "#"} & set(labels)
    return Tokens(labels, "characters" if plain else "labels")


def read_tokens(root: Section, head: Section, archive: Archive | None) -> Tokens:
    """The symbols of a model.

    Args:
      root: the config.
      head: that of the decoder.
      archive: where the tokenizer's files are.

    Raises:
      InputError: they are missing, or of a kind that is not known.
    """
    # An empty one is filled from the tokenizer when NeMo makes the model.
    vocabulary = head.texts("vocabulary") or None
    tokenizer = root.part("tokenizer")
    if not tokenizer.values:
        labels = vocabulary or root.texts("labels")
        if labels is None:
            raise refusal(f"{root.where}/labels", "nothing", "the text of each class")
        return read_labels(labels, f"{root.where}/labels")
    if archive is None:
        raise tokenizer.refused("type", "nothing: this layout has no tokenizer")
    kind = tokenizer.text("type", "bpe").lower()
    if kind == "agg":
        return _aggregate(tokenizer, vocabulary, archive)
    if kind == "wpe":
        return _word_pieces(tokenizer, vocabulary, archive)
    if kind not in ("bpe", "spe"):
        raise tokenizer.refused("type", "'bpe', 'wpe' or 'agg'")
    model = _artifact(tokenizer, "model_path", "tokenizer.model", archive)
    pieces = _pieces(model, f"{archive.path}, tokenizer.model")
    if vocabulary is not None and vocabulary != pieces:
        found = f"{len(vocabulary)} symbols, not the pieces of tokenizer.model"
        expected = f"its {len(pieces)} pieces, in their order"
        raise refusal(f"{head.where}/vocabulary", found, expected)
    return Tokens(pieces, "sentencepiece", model)


def _artifact(tokenizer: Section, key: str, usual: str, archive: Archive) -> bytes:
    """A file of the tokenizer, by what the config says or by its usual name."""
    wanted = tokenizer.text(key).removeprefix(_IN_ARCHIVE)
    name = archive.named(wanted) if wanted else None
    if name is None:
        found = [one for one in archive.names if one.endswith(usual)]
        name = found[0] if len(found) == 1 else None
    if name is None:
        shown = wanted or "nothing"
        raise refusal(f"{tokenizer.where}/{key}", shown, f"a member of the archive, {usual}")
    return archive.read(name, _MOST_MODEL)


def _pieces(model: bytes, where: str) -> list[str]:
    """The pieces of a SentencePiece model in the order of their ids."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tokenizer.model"
        path.write_bytes(model)
        try:
            return list(SentencePieceVocabulary(str(path)).symbols)
        except (RuntimeError, OSError, UnicodeDecodeError) as error:
            found = str(error).splitlines()[-1] if str(error) else "another kind of file"
            raise refusal(where, found[:200], "a SentencePiece model") from None


def _word_pieces(tokenizer: Section, vocabulary: list[str] | None, archive: Archive) -> Tokens:
    """BERT's: a piece in each line."""
    if vocabulary is None:
        content = _artifact(tokenizer, "vocab_path", "vocab.txt", archive)
        try:
            vocabulary = [line.strip("\r") for line in content.decode("utf-8").split("\n") if line]
        except UnicodeDecodeError:
            where = f"{archive.path}, vocab.txt"
            raise refusal(where, "bytes that are no UTF-8", "a piece in each line") from None
    return Tokens(vocabulary, "word_pieces")


def _aggregate(tokenizer: Section, vocabulary: list[str] | None, archive: Archive) -> Tokens:
    """Those of several languages, one after the other: which one comes first, the config says."""
    pieces: list[str] = []
    languages = tokenizer.part("langs")
    if not languages.values:
        raise tokenizer.refused("langs", "a tokenizer for each language")
    for name in languages.values:
        own = languages.part(str(name)) if isinstance(languages.values[name], Mapping) else None
        if own is None:
            raise languages.refused(str(name), "a tokenizer")
        model = _artifact(own, "model_path", f"{name}_tokenizer.model", archive)
        pieces += _pieces(model, f"{archive.path}, the tokenizer of {name}")
    if vocabulary is not None and vocabulary != pieces:
        found = f"{len(vocabulary)} symbols, not the pieces of its tokenizers"
        raise refusal("decoder/vocabulary", found, f"their {len(pieces)} pieces, in their order")
    return Tokens(pieces, "pieces")


def check_count(tokens: Tokens, classes: int, where: str) -> InputError | None:
    """The error of a head with other classes than symbols and the blank; None: it has them."""
    if classes == len(tokens.symbols):
        return None
    return refusal(where, f"{classes} classes", f"{len(tokens.symbols)}, the symbols")
