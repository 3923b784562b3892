"""The mutations themselves."""

import hashlib

import pytest

from open_seq2seq.errors import InputError
from tests.fuzzing import assert_reads_or_refuses, fuzz_file, mutations

CONTENT = b'wav_filename,transcript,duration\na.wav,"zero one",1.25\nb.wav,two,0.5\n'


def test_mutations_are_the_same_everywhere():
    one, again = (list(mutations(CONTENT, 1, 400, b"other")) for _ in range(2))
    assert one == again and one[:7] == list(mutations(CONTENT, 1, 7, b"other"))
    assert one != list(mutations(CONTENT, 2, 400, b"other"))
    digest = hashlib.sha256(b"|".join(one)).hexdigest()
    assert digest.startswith("849c34c8ca1fca3d")


def test_most_mutations_change_something_and_differ():
    made = list(mutations(CONTENT, 1, 1000))
    assert len(set(made)) > 700 and made.count(CONTENT) < 50
    assert any(b"\0\0" in one for one in made) and any(len(one) < 5 for one in made)
    assert any(b"9223372036854775808" in one for one in made)


def test_an_empty_file_can_be_damaged_too():
    assert len(list(mutations(b"", 1, 200))) == 200


def test_only_errors_of_ours_pass():
    def fails(error):
        raise error

    assert assert_reads_or_refuses(lambda: 3, b"") == 3
    assert isinstance(assert_reads_or_refuses(lambda: fails(InputError("x")), b""), InputError)
    with pytest.raises(AssertionError, match=r"IndexError: 5\nfor these 3 bytes:\nb'abc'"):
        assert_reads_or_refuses(lambda: fails(IndexError(5)), b"abc")


def test_a_file_is_what_it_was_afterwards(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(CONTENT)

    def read(file):
        if not file.read_bytes().endswith(b"\n"):
            raise InputError("x")

    was_read, refused = fuzz_file(read, path, 1, 100)
    assert was_read > 10 and refused > 10 and was_read + refused == 100
    assert path.read_bytes() == CONTENT
