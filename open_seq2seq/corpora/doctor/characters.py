"""The characters of transcripts: what is used, how seldom, and what does not belong there."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from open_seq2seq.corpora.doctor.findings import Finding, Row, counted
from open_seq2seq.corpora.doctor.split import Split
from open_seq2seq.corpora.doctor.thresholds import Thresholds
from open_seq2seq.data.text import SentencePieceVocabulary
from open_seq2seq.data.vocabulary_file import describe_character
from open_seq2seq.vocabulary import Vocabulary

# Scripts whose letters are mistaken for each other. Others do not look alike.
_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "FULLWIDTH")


def count_characters(texts: Iterable[str]) -> Counter[str]:
    """How often each character occurs."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    return counts


def count_symbols(texts: Iterable[str], vocabulary: Vocabulary) -> Counter[str]:
    """How often each symbol of a vocabulary is a label; other characters are left out."""
    if not isinstance(vocabulary, SentencePieceVocabulary):
        counts = count_characters(texts)
        return Counter({symbol: counts[symbol] for symbol in vocabulary.symbols})
    labels: Counter[int] = Counter()
    for text in texts:
        if not vocabulary.unknown(text):
            labels.update(vocabulary.encode(text).tolist())
    return Counter({symbol: labels[index] for index, symbol in enumerate(vocabulary.symbols)})


def script_of(character: str) -> str:
    """The script of a letter that has look-alikes in another one, "" of anything else."""
    if not character.isalpha():
        return ""
    script = unicodedata.name(character, "").split(" ")[0]
    return script if script in _SCRIPTS else ""


def is_invisible(character: str) -> bool:
    """A character that nobody sees, or that looks like a space and is none."""
    category = unicodedata.category(character)
    return category in ("Cc", "Cf", "Co", "Cs") or (category[0] == "Z" and character != " ")


def shown(character: str) -> str:
    """A character for a table: itself and its name."""
    return describe_character(character)


def vocabulary_findings(
    trained: Sequence[Split], held_out: Sequence[Split], limits: Thresholds
) -> Iterator[Finding]:
    """Symbols without examples in training data, and characters that held-out data adds."""
    texts = [text for split in trained for text in split.texts]
    name = " and ".join(split.name for split in trained)
    vocabulary = next((split.vocabulary for split in trained if split.vocabulary), None)
    if not any(texts):
        return
    counts = count_symbols(texts, vocabulary) if vocabulary else count_characters(texts)
    kind = "symbol of the vocabulary", "symbols of the vocabulary"
    if not vocabulary:
        kind = "character", "characters"
    unused = [symbol for symbol, count in counts.items() if not count and not _control(symbol)]
    if unused:
        title = counted(len(unused), f"{kind[0]} is never used", f"{kind[1]} are never used")
        remedy = "Take them out of the vocabulary, unless the model is to be trained further."
        rows = [Row("", "", _symbol(symbol)) for symbol in unused]
        yield Finding("note", "unused symbols", name, title, remedy, rows)
    rare = sorted(
        (count, symbol) for symbol, count in counts.items() if 0 < count < limits.rare_symbol
    )
    if rare:
        less = f"less than {limits.rare_symbol} times"
        title = counted(len(rare), f"{kind[0]} is used {less}", f"{kind[1]} are used {less}")
        remedy = "A mistake in the texts, or a symbol that the model will hardly learn."
        places = _first_places(trained, {symbol for _, symbol in rare})
        rows = [
            Row(places.get(symbol, ""), "", f"{_symbol(symbol)}: {_times(count)}")
            for count, symbol in rare
        ]
        yield Finding("note", "rare symbols", name, title, remedy, rows)
    yield from _outside_findings([*trained, *held_out])
    yield from _unseen_findings(count_characters(texts), held_out)


def _outside_findings(splits: Sequence[Split]) -> Iterator[Finding]:
    """The characters outside the vocabulary, each once with its count."""
    for split in splits:
        if split.vocabulary is None or "unknown character" not in split.report.kinds:
            continue  # nothing is trained with these texts, or there are none
        counts: Counter[str] = Counter()
        texts: Counter[str] = Counter()
        for text in split.texts:
            unknown = [character for _, character in split.vocabulary.unknown(text)]
            counts.update(unknown)
            texts.update(set(unknown))
        if counts:
            title = counted(
                len(counts),
                "character is outside the vocabulary",
                "characters are outside the vocabulary",
            )
            remedy = _remedy(split)
            places = _first_places([split], set(counts))
            rows = [
                Row(
                    places[c],
                    "",
                    f"{shown(c)}: {_times(n)} in {counted(texts[c], 'text', 'texts')}",
                )
                for c, n in counts.most_common()
            ]
            yield Finding("error", "characters outside", split.name, title, remedy, rows)


def _remedy(split: Split) -> str:
    """What to do about characters outside the vocabulary: as the problems of the rows say."""
    kinds = zip(split.report.problems, split.report.kinds)
    remedies = Counter(problem.remedy for problem, kind in kinds if kind == "unknown character")
    return " ".join(remedy for remedy, _ in remedies.most_common(3))


def _unseen_findings(known: Counter[str], held_out: Sequence[Split]) -> Iterator[Finding]:
    for split in held_out:
        new = {
            character: count
            for character, count in count_characters(split.texts).items()
            if character not in known
        }
        if new:
            title = counted(
                len(new),
                "character does not occur in the training data",
                "characters do not occur in the training data",
            )
            places = _first_places([split], set(new))
            rows = [Row(places[c], "", f"{shown(c)}: {_times(n)}") for c, n in sorted(new.items())]
            remedy = "They cannot be recognised: normalise the texts alike."
            yield Finding("warning", "unseen characters", split.name, title, remedy, rows)


def _control(symbol: str) -> bool:
    """`<unk>`, `<s>`, `</s>` and the like, which no text has."""
    return len(symbol) > 2 and symbol[0] == "<" and symbol[-1] == ">"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _symbol(symbol: str) -> str:
    return shown(symbol) if len(symbol) == 1 else repr(symbol)


def _first_places(splits: Sequence[Split], symbols: set[str]) -> dict[str, str]:
    """Where each character is first: `train.csv:7`."""
    places: dict[str, str] = {}
    for split in splits:
        for utterance in split.utterances:
            for symbol in symbols.intersection(utterance.transcript or ""):
                places.setdefault(symbol, utterance.source)
    return places
