import pytest

from open_seq2seq.errors import InputError
from open_seq2seq.scoring.named_lists import assigned, match_name, parse_list


@pytest.mark.parametrize(("text", "elements"), [
    ("a.ark", [(None, "a.ark")]),
    ("a.ark,b.ark", [(None, "a.ark"), (None, "b.ark")]),
    ("a.ark, b.ark", [(None, "a.ark"), (None, "b.ark")]),
    ("in0=a.ark,in1:0=b.npz", [("in0", "a.ark"), ("in1:0", "b.npz")]),
    ("ark,t:a.txt,b.ark", [(None, "ark,t:a.txt"), (None, "b.ark")]),
    ("x=ark,s,cs:a.ark,y=b.ark", [("x", "ark,s,cs:a.ark"), ("y", "b.ark")]),
    ("ark,scp:a.ark,a.scp", [(None, "ark,scp:a.ark,a.scp")]),
    ("scp:a.scp", [(None, "scp:a.scp")]),
    ("runs/x=1/a.ark", [(None, "runs/x=1/a.ark")]),
    (None, []),
])  # fmt: skip
def test_both_forms_are_read(text, elements):
    assert [tuple(one) for one in parse_list(text, "-i")] == elements


def test_scale_factors_take_a_colon_too():
    assert parse_list("in0:2048,in1:0:100", "-sf", colon=True) == [
        ("in0", "2048"),
        ("in1:0", "100"),
    ]


def test_a_file_with_a_comma_is_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a,b=c.ark").touch()
    assert parse_list("a,b=c.ark", "-i") == [(None, "a,b=c.ark")]


@pytest.mark.parametrize("text", ["a.ark,,b.ark", "in0=", "=a.ark", "in0=a,b", "x=a,x=b"])
def test_what_is_no_list_is_said(text):
    with pytest.raises(InputError, match="-i: found"):
        parse_list(text, "-i")


def test_names_are_matched_with_and_without_a_port():
    assert match_name("out", ["out:0"], "-o") == "out:0"
    assert match_name("out:0", ["out"], "-o") == "out"
    with pytest.raises(InputError, match="found other, expected one of out, two"):
        match_name("other", ["out", "two"], "-o")


def test_elements_without_names_stand_in_order():
    assert assigned(parse_list("a,b", "-i"), ["x", "y", "z"], "-i") == {"x": "a", "y": "b"}
    assert assigned(parse_list("y=a", "-i"), ["x", "y"], "-i") == {"y": "a"}
    with pytest.raises(InputError, match="2 for 1: x"):
        assigned(parse_list("a,b", "-i"), ["x"], "-i")
