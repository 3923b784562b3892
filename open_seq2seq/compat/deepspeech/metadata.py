"""DeepSpeech's results with times: candidates of characters."""

from __future__ import annotations

from dataclasses import dataclass

from open_seq2seq.decode_result import DecodeResult
from open_seq2seq.vocabulary import PIECE_SPACE


@dataclass(frozen=True)
class TokenMetadata:
    """One character.

    Args:
      text: the character.
      timestep: its frame of the network's output, from 0; a frame is the model's (20 ms in
        DeepSpeech's own).
      start_time: seconds from the beginning.
    """

    text: str
    timestep: int
    start_time: float


@dataclass(frozen=True)
class CandidateTranscript:
    """One text.

    Args:
      tokens: its characters in order.
      confidence: its score, a sum of natural logarithms: comparable between the candidates of
        one recording, and no probability.
    """

    tokens: tuple[TokenMetadata, ...]
    confidence: float


@dataclass(frozen=True)
class Metadata:
    """What was recognised.

    Args:
      transcripts: candidates, the best one first; at least one, which may be empty.
    """

    transcripts: tuple[CandidateTranscript, ...]


def metadata_of(result: DecodeResult, frame_shift: float, count: int) -> Metadata:
    """A result as DeepSpeech gives it.

    Args:
      result: of the decoder.
      frame_shift: seconds from one frame to the next.
      count: candidates, at most.
    """
    candidates = (result.nbest or (result,))[:count]
    return Metadata(tuple([_candidate(one, frame_shift) for one in candidates]))


def _candidate(result: DecodeResult, frame_shift: float) -> CandidateTranscript:
    timed = [
        TokenMetadata(character, round(start / frame_shift), start)
        for character, start in _characters(result)
    ]
    return CandidateTranscript(tuple(timed), result.score if timed else 0.0)


def _characters(result: DecodeResult) -> list[tuple[str, float]]:
    """The characters of a text with their starts in seconds.

    They are those of the text: of a vocabulary of pieces each character has its piece's start;
    spaces that the text lacks at its ends are left out, and one that it has between the parts of a
    long recording begins with the character behind it.
    """
    spoken = [
        (character, token.start)
        for token in result.tokens
        for character in token.text.replace(PIECE_SPACE, " ")
    ]
    characters, at = [], 0
    for character in result.text:
        if character != " ":
            while at < len(spoken) and spoken[at][0] == " ":
                at += 1
        start = spoken[min(at, len(spoken) - 1)][1] if spoken else 0.0
        characters.append((character, start))
        if at < len(spoken) and spoken[at][0] == character:
            at += 1
    return characters
