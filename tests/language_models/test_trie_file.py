"""OpenSeq2Seq's trie file: every node by hand, and the decoder reads what is written."""

import numpy as np
import pytest

from open_seq2seq.errors import InputError
from open_seq2seq.language_models.trie_file import write_trie

SCORES = {"<unk>": -9.0, "a": -1.0, "ab": -3.0, "b": -2.0}


class Model:
    """Words with unigram log10 probabilities."""

    def words(self):
        return list(SCORES)

    def score(self, words, begin, end):
        assert not begin and not end and len(words) == 1
        return [(SCORES.get(words[0], -9.0), words[0] not in SCORES)]


def test_the_file_has_each_node_before_its_children(tmp_path):
    path = tmp_path / "trie"
    assert write_trie(["a", "b"], Model(), ["ab", "a", "b", "a"], str(path)) == 3
    header = ["1414678853", "1", "2"]
    root, a = ["3", "2", "-3"], ["2", "2", "-3"]  # the least probable is ab, number 2
    ab, b = ["1", "2", "-3"], ["1", "3", "-2"]
    no = ["-1"]
    assert path.read_text().split() == header + root + a + no + ab + no * 2 + b + no * 2


def test_what_cannot_be_spelled_is_named(tmp_path):
    with pytest.raises(InputError, match="'ac': found characters outside the alphabet"):
        write_trie(["a", "b"], Model(), ["a", "ac"], str(tmp_path / "trie"))
    with pytest.raises(InputError, match="would be empty"):
        write_trie(["a"], Model(), [], str(tmp_path / "trie"))
    assert not (tmp_path / "trie").exists()


def test_the_decoder_reads_it_as_the_trie_it_makes_itself(tmp_path):
    from ctc_decoder_with_lm import BeamSearchDecoder, LanguageModel

    arpa = tmp_path / "lm.arpa"
    words = {"a": -1.1, "ab": -1.4, "ba": -0.7, "bab": -1.2}
    rows = [f"{score}\t{word}\t-0.3" for word, score in words.items()]
    arpa.write_text(
        "\\data\\\nngram 1=7\nngram 2=1\n\n\\1-grams:\n-2\t<unk>\n-99\t<s>\t0\n-1\t</s>\n"
        + "\n".join(rows) + "\n\n\\2-grams:\n-0.2\ta ba\n\n\\end\\\n"
    )  # fmt: skip
    symbols, model = [" ", "a", "b"], LanguageModel(str(arpa))
    write_trie(symbols, model, words, str(tmp_path / "trie"))
    logits = np.random.default_rng(0).standard_normal((3, 12, 4)).astype(np.float32) * 2
    results = []
    for path in (None, str(tmp_path / "trie")):
        decoder = BeamSearchDecoder(symbols, model, "native_op", trie_path=path)
        found = decoder.decode_batch(logits, alpha=0.5, beta=0.5, beam_width=16, nbest=3)
        results.append([(one.text, one.score) for result in found for one in result.nbest])
    assert [text for text, _ in results[0]] == [text for text, _ in results[1]]
    np.testing.assert_allclose(
        [score for _, score in results[0]], [score for _, score in results[1]], atol=1e-5
    )
