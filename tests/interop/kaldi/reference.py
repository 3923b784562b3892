"""nnet3 by its definition: a node's value at a frame, asked for one by one.

Config lines and descriptors are read by other code than the package's: descriptors are Python.
"""

import re

import numpy as np


class Reference:
    """A network of config lines.

    Args:
      config: lines as in the file.
      components: by name, functions of `at`, which gives the input's row `[dim]` at an offset, or
        None where it cannot be computed; they give a row, or None.
      inputs: rows by name, `[frames, dim]`, or `[dim]` of the whole utterance.
      left, right: frames that the inputs are padded with.
      dims: of nodes and inputs.
    """

    def __init__(self, config, components, inputs, left, right, dims):
        self.components, self.dims = components, dims
        self.lines = {}
        for line in config.strip().splitlines():
            kind, rest = line.split(" ", 1)
            pairs = dict(re.findall(r"([a-z-]+)=(.*?)(?=\s+[a-z-]+=|$)", rest))
            self.lines[pairs["name"]] = (kind, pairs)
        self.inputs = {name: np.asarray(rows, np.float64) for name, rows in inputs.items()}
        self.left, self.right, self.found = left, right, {}

    def scores(self, name, step=1):
        """`[frames, dim]` of an output node."""
        (frames,) = {len(rows) for rows in self.inputs.values() if rows.ndim == 2}
        return np.array([self.value(name, t) for t in range(0, frames, step)])

    def value(self, name, t):
        """A node's row, or None."""
        if (name, t) not in self.found:
            self.found[name, t] = self._value(name, t)
        return self.found[name, t]

    def _value(self, name, t):
        kind, pairs = self.lines[name]
        if kind == "input-node":
            rows = self.inputs[name]
            if rows.ndim == 1:
                return rows
            if not -self.left <= t < len(rows) + self.right:
                return None
            return rows[min(max(t, 0), len(rows) - 1)]
        if kind == "dim-range-node":
            row = self.value(pairs["input-node"], t)
            start = int(pairs["dim-offset"])
            return None if row is None else row[start : start + int(pairs["dim"])]
        source = self._descriptor(pairs["input"])
        if kind == "output-node":
            return source(t)
        return self.components[pairs["component"]](lambda offset: source(t + offset))

    def _descriptor(self, text):
        """A function of the frame, by Python's own parser."""
        text = re.sub(r"([A-Za-z_][\w.-]*)(?!\s*\()(?=\s*[,)]|$)", r'node("\1")', text)
        text = text.replace('node("t")', '"t"').replace('node("x")', '"x"')
        return eval(text, {"__builtins__": {}, "node": self._node, **FUNCTIONS})

    def _node(self, name):
        return Part(lambda t: self.value(name, t), self.dims[name])


class Part:
    """A descriptor: its row at a frame, and how long rows are."""

    def __init__(self, at, dim):
        self.at, self.dim = at, dim

    def __call__(self, t):
        return self.at(t)


def _all(parts, join, dim):
    def at(t):
        rows = []
        for part in parts:  # the first that is not there ends it: recurrences go back for ever
            rows.append(part(t))
            if rows[-1] is None:
                return None
        return join(rows)

    return Part(at, dim)


def _or_else(one, other):
    return Part(lambda t: other(t) if one(t) is None else one(t), one.dim)


FUNCTIONS = {
    "Append": lambda *parts: _all(parts, np.concatenate, sum(part.dim for part in parts)),
    "Sum": lambda *parts: _all(parts, sum, parts[0].dim),
    "Offset": lambda part, offset, x=0: Part(lambda t: part(t + offset), part.dim),
    "Scale": lambda factor, part: _all([part], lambda rows: factor * rows[0], part.dim),
    "Const": lambda value, dim: Part(lambda t: np.full(dim, value), dim),
    "Round": lambda part, modulus: Part(lambda t: part(t - t % modulus), part.dim),
    "ReplaceIndex": lambda part, name, value: Part(
        lambda t: part(value if name == "t" else t), part.dim
    ),
    "Switch": lambda *parts: Part(lambda t: parts[t % len(parts)](t), parts[0].dim),
    "Failover": _or_else,
    "IfDefined": lambda part: _or_else(part, Part(lambda t: np.zeros(part.dim), part.dim)),
}


def of_frame(formula):
    """A component that computes a frame by itself."""
    return lambda at: None if at(0) is None else formula(at(0))
