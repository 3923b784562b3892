"""Text normalisation that notices texts of languages that it may not be for."""

from __future__ import annotations

from collections.abc import Sequence

from open_seq2seq.data.normalization import DOTTED_AND_DOTLESS, normalizer
from open_seq2seq.data.normalized_lines import normalized_lines


class WatchedNormalizer:
    """A normaliser that counts the texts that are of a language it may not be for.

    Args:
      name: of the normalisation, or None.
      lower_case: whether the texts are lower-cased besides.

    Raises:
      InputError: there is none of this name.
    """

    def __init__(self, name: str | None, lower_case: bool = False):
        self._name, self._normalize = name, normalizer(name)
        self._how = f"text_normalization {name!r}" if name else "lower_case"
        self._watches = name == "plain" or (name is None and lower_case)
        self.count = 0

    def __call__(self, text: str) -> str:
        self.count += self._watches and not DOTTED_AND_DOTLESS.isdisjoint(text)
        return self._normalize(text)

    def lines(self, texts: Sequence[str]) -> list[str]:
        """Each of many texts, several times as fast as by itself."""
        if self._watches:
            self.count += sum(not DOTTED_AND_DOTLESS.isdisjoint(text) for text in texts)
        return normalized_lines(self._name, texts)

    @property
    def note(self) -> str | None:
        """What the user should know; None: nothing."""
        if not self.count:
            return None
        have = "1 text has" if self.count == 1 else f"{self.count} texts have"
        return (
            f"{have} İ or ı, letters of Turkish, Azerbaijani, Tatar and Kazakh, where I is the "
            f"capital of ı: {self._how} makes i of it, text_normalization 'turkish' makes ı."
        )
