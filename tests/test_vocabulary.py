"""A table of symbols against SentencePiece itself, and characters as they are."""

import io

import pytest
import sentencepiece
from hypothesis import given
from hypothesis import strategies as st

from open_seq2seq.vocabulary import SymbolTable


@pytest.fixture(scope="module")
def processor():
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["the cat sat on the mat", "a cat the mat at"] * 5),
        model_writer=model,
        vocab_size=22,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())


@given(data=st.data())
def test_pieces_are_spelled_as_sentencepiece_does(processor, data):
    """But for spaces at the end, which it keeps."""
    table = SymbolTable(processor.id_to_piece(i) for i in range(processor.get_piece_size()))
    assert table.size == len(table.symbols) == processor.get_piece_size()
    spelled = [
        i for i in range(table.size) if not processor.is_control(i) and not processor.is_unknown(i)
    ]
    ids = data.draw(st.lists(st.sampled_from(spelled), max_size=12))
    assert table.decode(ids) == processor.decode(ids).rstrip(" ")


def test_characters_are_taken_as_they_are():
    table = SymbolTable(" abc")
    assert table.size == 4 and table.symbols == [" ", "a", "b", "c"]
    assert table.decode([0, 1, 0, 2, 0]) == " a b "
    assert table.decode([]) == ""
