"""What happens to transcripts while they are imported."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable

VERBATIM = "none"
OPENSEQ2SEQ = "openseq2seq"
# Those of open_seq2seq.data.normalization, which takes a moment to import.
_NORMALIZERS = ("librispeech", "plain", "turkish")


def single_spaced(text: str) -> str:
    """One space for each stretch of white space and control characters; none at the ends.

    White space is what Unicode calls so, line and paragraph separators and the non-breaking space
    among it. Manifests, language models and vocabularies know the space alone.
    """
    if any(unicodedata.category(c) == "Cc" for c in text):
        text = "".join(" " if unicodedata.category(c) == "Cc" else c for c in text)
    return " ".join(text.split())


def odd_spaces(text: str) -> list[str]:
    """What `single_spaced` makes spaces, the space itself apart, within a text."""
    inner = text.strip()
    if inner.isascii() and inner.isprintable():
        return []
    return [c for c in inner if c != " " and (c.isspace() or unicodedata.category(c) == "Cc")]


def ascii_lower(text: str) -> str:
    """As OpenSeq2Seq's import_librivox.py: NFKD, what is not ASCII dropped, lower case.

    So é becomes e; a letter without a Latin base (ß, ж) is lost.
    """
    folded = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    return folded.lower().strip()


def lost_characters(text: str) -> list[str]:
    """What `ascii_lower` drops, apart from accents."""
    if text.isascii():
        return []
    folded = unicodedata.normalize("NFKD", text)
    return [c for c in folded if not c.isascii() and not unicodedata.combining(c)]


def names() -> tuple[str, ...]:
    """What `--text_normalization` takes."""
    return (VERBATIM, OPENSEQ2SEQ, *_NORMALIZERS)


def text_function(name: str) -> Callable[[str], str]:
    """The function of a name, for `single_spaced` texts; `none` leaves them as they are."""
    if name == VERBATIM:
        return str.strip
    if name == OPENSEQ2SEQ:
        return ascii_lower
    from open_seq2seq.data.normalization import normalizer

    return normalizer(name)


def language_note(texts: Iterable[str], normalize: Callable[[str], str]) -> str | None:
    """What the user should know of a normalisation that is not for the texts' language."""
    if normalize in (str.strip, ascii_lower):
        return None
    from open_seq2seq.data.normalization import plain_text
    from open_seq2seq.data.watched_normalizer import WatchedNormalizer

    if normalize is not plain_text:
        return None
    watched = WatchedNormalizer("plain")
    for text in texts:
        watched(text)
    return watched.note
