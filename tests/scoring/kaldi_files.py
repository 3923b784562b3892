"""Kaldi's nnet1 files, written by hand."""

import struct

import numpy as np

END = "<!EndOfComponent>"


def matrix_text(matrix):
    rows = ["  " + " ".join(f"{value:.9g}" for value in row) for row in matrix]
    return " [\n" + "\n".join(rows) + " ]\n"


def vector_text(vector):
    return " [ " + " ".join(f"{value:.9g}" for value in vector) + " ]\n"


def write_text_dnn(path, layers, softmax=True):
    """Affine layers with sigmoids between them, `[(weight, bias), ...]`, as text."""
    parts = ["<Nnet>\n"]
    for number, (weight, bias) in enumerate(layers):
        out, width = weight.shape
        parts.append(f"<AffineTransform> {out} {width}\n<LearnRateCoef> 1 <BiasLearnRateCoef> 1 "
                     f"<MaxNorm> 0{matrix_text(weight)}{vector_text(bias)}{END}\n")  # fmt: skip
        if number < len(layers) - 1:
            parts.append(f"<Sigmoid> {out} {out}\n{END}\n")
    if softmax:
        parts.append(f"<Softmax> {out} {out}\n{END}\n")
    path.write_text("".join([*parts, "</Nnet>\n"]))


def _int(value):
    return b"\4" + struct.pack("<i", value)


def _float(value):
    return b"\4" + struct.pack("<f", value)


def _matrix(array):
    rows, columns = array.shape
    return b"FM " + _int(rows) + _int(columns) + array.astype("<f4").tobytes()


def _vector(array):
    return b"FV " + _int(len(array)) + array.astype("<f4").tobytes()


def write_lstm(path, parts):
    """An LstmProjected and an affine layer, binary; `parts` by the names of `layers.Lstm`."""
    cells, width = len(parts["peephole_i"]), parts["weight"].shape[1]
    out = len(parts["projection"])
    content = b"\0B<Nnet> <LstmProjected> " + _int(out) + _int(width)
    content += b"<CellDim> " + _int(cells) + b"<CellClip> " + _float(parts["cell_clip"])
    content += _matrix(parts["weight"]) + _matrix(parts["recurrent"]) + _vector(parts["bias"])
    for name in ("peephole_i", "peephole_f", "peephole_o"):
        content += _vector(parts[name])
    content += _matrix(parts["projection"]) + b"<!EndOfComponent> "
    weight, bias = parts["affine"]
    content += b"<AffineTransform> " + _int(len(weight)) + _int(out)
    content += _matrix(weight) + _vector(bias) + b"<!EndOfComponent> </Nnet> "
    path.write_bytes(content)


def dnn_by_hand(x, layers, softmax=True):
    """What `write_text_dnn`'s model gives for `[time, feature]`."""
    y = x.astype(np.float64)
    for number, (weight, bias) in enumerate(layers):
        y = y @ weight.T + bias
        if number < len(layers) - 1:
            y = 1 / (1 + np.exp(-y))
    if softmax:
        y = np.exp(y - y.max(axis=1, keepdims=True))
        y /= y.sum(axis=1, keepdims=True)
    return y


def lstm_parts(seed=2, width=6, cells=8, out=5, classes=7):
    random = np.random.default_rng(seed)

    def draw(*shape, scale=0.5):
        return (random.normal(size=shape) * scale).astype(np.float32)

    return {
        "weight": draw(4 * cells, width), "recurrent": draw(4 * cells, out),
        "bias": draw(4 * cells),
        "peephole_i": draw(cells), "peephole_f": draw(cells), "peephole_o": draw(cells),
        "projection": draw(out, cells), "cell_clip": 50.0,
        "affine": (draw(classes, out), draw(classes)),
    }  # fmt: skip


def lstm_by_hand(x, parts):
    """What `write_lstm`'s model gives, frame by frame."""

    def sigmoid(value):
        return 1 / (1 + np.exp(-value))

    cells = len(parts["peephole_i"])
    c, r = np.zeros(cells), np.zeros(len(parts["projection"]))
    rows = []
    for frame in x.astype(np.float64):
        a = parts["weight"] @ frame + parts["bias"] + parts["recurrent"] @ r
        g, i, f, o = np.split(a, 4)
        i = sigmoid(i + parts["peephole_i"] * c)
        f = sigmoid(f + parts["peephole_f"] * c)
        c = np.clip(np.tanh(g) * i + c * f, -parts["cell_clip"], parts["cell_clip"])
        o = sigmoid(o + parts["peephole_o"] * c)
        r = parts["projection"] @ (o * np.tanh(c))
        rows.append(r)
    weight, bias = parts["affine"]
    return np.array(rows) @ weight.T + bias
