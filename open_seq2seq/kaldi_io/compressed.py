"""Kaldi's compressed matrices (CM, CM2, CM3), to the bit as Kaldi computes them.

Formulas: Kaldi's matrix/compressed-matrix.cc (Apache-2.0). CM has a byte for each number, on a
scale of its column's percentiles 0, 25, 75 and 100; CM2 two bytes and CM3 one, on the matrix's.
"""

from __future__ import annotations

import numpy as np

COMPRESSED = ("CM", "CM2", "CM3")
_U16 = np.float32(1.52590218966964e-05)  # 1 / 65535


def packed_size(kind: str, rows: int, columns: int) -> int:
    """Bytes behind the header."""
    if kind == "CM":
        return columns * (8 + rows) if rows else 0
    return rows * columns * (2 if kind == "CM2" else 1)


def decode(
    kind: str, minimum: np.float32, scale: np.float32, rows: int, columns: int, content: bytes
) -> np.ndarray:
    """`[rows, columns]` float32.

    Args:
      kind: of `COMPRESSED`.
      minimum, scale: of the header: the least number, and the largest less it.
      rows, columns: its size.
      content: `packed_size` bytes.
    """
    # Damaged headers hold infinities; what comes of them is not this reader's affair.
    with np.errstate(invalid="ignore", over="ignore"):
        if kind == "CM":
            return _decode_columns(minimum, scale, rows, columns, content)
        dtype, steps = ("<u2", 65535.0) if kind == "CM2" else ("<u1", 255.0)
        numbers = np.frombuffer(content, dtype).reshape(rows, columns).astype(np.float32)
        return minimum + numbers * np.float32(float(scale) * (1.0 / steps))


def _decode_columns(
    minimum: np.float32, scale: np.float32, rows: int, columns: int, content: bytes
) -> np.ndarray:
    if rows == 0 or columns == 0:
        return np.zeros((rows, columns), np.float32)
    marks = np.frombuffer(content, "<u2", 4 * columns).reshape(columns, 4).astype(np.float32)
    p0, p25, p75, p100 = (minimum + (scale * _U16) * marks).T
    codes = np.frombuffer(content, np.uint8, rows * columns, 8 * columns).reshape(columns, rows)
    # Each byte of each column once: there are 256 of them.
    v = np.arange(256, dtype=np.float32)
    low = _between(p0, p25, v[:65], 1 / 64.0)
    middle = _between(p25, p75, v[65:193] - 64, 1 / 128.0)
    high = _between(p75, p100, v[193:] - 192, 1 / 63.0)
    table = np.concatenate([low, middle, high], axis=1)
    return np.take_along_axis(table, codes.astype(np.intp), axis=1).T.copy()


def _between(low: np.ndarray, high: np.ndarray, v: np.ndarray, step: float) -> np.ndarray:
    """The product in float32, the step and the sum in float64."""
    product = (high - low)[:, None] * v
    return (low[:, None].astype(np.float64) + product * np.float64(step)).astype(np.float32)


def encode(kind: str, matrix: np.ndarray) -> tuple[np.float32, np.float32, bytes]:
    """Minimum, range and content of a matrix of finite numbers, `[rows, columns]` float32."""
    if matrix.size == 0:
        return np.float32(0), np.float32(0), b""
    # The first of equal ones: of 0 and -0 too.
    minimum, maximum = matrix.flat[matrix.argmin()], matrix.flat[matrix.argmax()]
    if maximum == minimum:
        maximum = np.float32(float(minimum) + (1.0 + abs(float(minimum))))
    scale = np.float32(maximum - minimum)
    if kind == "CM2":
        return minimum, scale, _steps(matrix, minimum, scale, 65535).astype("<u2").tobytes()
    if kind == "CM3":
        return minimum, scale, _steps(matrix, minimum, scale, 255).astype("<u1").tobytes()
    return minimum, scale, _encode_columns(matrix, minimum, scale)


def _steps(x: np.ndarray, minimum: np.float32, scale: np.float32, most: int) -> np.ndarray:
    """Shares in float32, rounded in float64."""
    share = np.clip((x - minimum) / scale, np.float32(0), np.float32(1))
    return (share * np.float32(most) + np.float64(0.499)).astype(np.int64)


def _encode_columns(matrix: np.ndarray, minimum: np.float32, scale: np.float32) -> bytes:
    rows = len(matrix)
    ordered = np.sort(matrix, axis=0)
    # Of few rows the first four, as far as there are so many.
    places = (0, rows // 4, 3 * (rows // 4), rows - 1) if rows >= 5 else (0, 1, 2, 3)
    marks = np.zeros((4, matrix.shape[1]), np.int64)
    for number, (place, most) in enumerate(zip(places, (65532, 65533, 65534, 65535))):
        least = marks[number - 1] + 1 if number else np.zeros_like(marks[0])
        own = _steps(ordered[place], minimum, scale, 65535) if place < rows else least
        marks[number] = np.minimum(np.maximum(own, least), most)
    p0, p25, p75, p100 = minimum + (scale * _U16) * marks.astype(np.float32)
    low = np.clip(_code(matrix, p0, p25, 64), 0, 64)
    middle = np.clip(64 + _code(matrix, p25, p75, 128), 64, 192)
    high = np.clip(192 + _code(matrix, p75, p100, 63), 192, 255)
    codes = np.where(matrix < p25, low, np.where(matrix < p75, middle, high))
    return marks.T.astype("<u2").tobytes() + codes.T.astype(np.uint8).tobytes()


def _code(x: np.ndarray, low: np.ndarray, high: np.ndarray, steps: int) -> np.ndarray:
    # Marks of very different sizes may round to the same float: what comes of it is clipped.
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (x - low) / (high - low) * np.float32(steps) + np.float64(0.5)
    return np.nan_to_num(share, nan=0.0, posinf=steps, neginf=0.0).astype(np.int64)
