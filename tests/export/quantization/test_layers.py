"""Which layers are left in float32 first."""

from open_seq2seq.export.quantization.layers import Layer, groups


def titles(layers):
    return {group.title: sorted(group.names) for group in groups(layers)}


def test_the_order():
    layers = [
        Layer("a", "depthwise"),
        Layer("b", "convolution"),
        Layer("c", "depthwise"),
        Layer("d", "recurrent"),
        Layer("e", "convolution"),
        Layer("f", "recurrent"),
    ]
    assert titles(layers) == {
        "the last layer": ["e"],
        "the first layer": ["a"],
        "depthwise convolutions": ["a", "c"],
        "recurrent layers": ["d", "f"],
    }
    assert [*titles(layers)][:2] == ["the last layer", "the first layer"]


def test_what_is_not_there_is_no_group():
    assert [*titles([Layer("a", "convolution")])] == ["the last layer", "the first layer"]
    assert titles([Layer("a", "recurrent")]) == {"recurrent layers": ["a"]}
    assert titles([]) == {}
