"""Writes Kaldi's model files, binary and text, as its own tools lay them out."""

import struct

import numpy as np


class ModelWriter:
    """Bytes of a model, put together by calls in the file's order."""

    def __init__(self, binary=True, header=True):
        self.binary = binary
        self.content = b"\0B" if binary and header else b""

    def token(self, *names):
        self.content += "".join(f"{name} " for name in names).encode()
        return self

    def raw(self, text):
        self.content += text.encode()
        return self

    def integer(self, *numbers):
        for number in numbers:
            self.content += struct.pack("<bi", 4, number) if self.binary else b"%d " % number
        return self

    def real(self, *numbers, double=False):
        for number in numbers:
            if self.binary:
                form = "<bd" if double else "<bf"
                self.content += struct.pack(form, 8 if double else 4, number)
            else:
                self.content += f"{number:.9g} ".encode()
        return self

    def boolean(self, value):
        self.content += (b"T" if value else b"F") + (b"" if self.binary else b" ")
        return self

    def vector(self, array, double=False):
        array = np.asarray(array, "<f8" if double else "<f4")
        if self.binary:
            self.content += b"DV " if double else b"FV "
            self.content += struct.pack("<bi", 4, len(array)) + array.tobytes()
        else:
            self.content += (" [ " + "".join(f"{x:.9g} " for x in array) + "]\n").encode()
        return self

    def matrix(self, array, double=False):
        array = np.asarray(array, "<f8" if double else "<f4")
        if self.binary:
            self.content += b"DM " if double else b"FM "
            rows, columns = array.shape
            self.content += struct.pack("<bibi", 4, rows, 4, columns) + array.tobytes()
        else:
            rows = "".join("\n  " + "".join(f"{x:.9g} " for x in row) for row in array)
            self.content += f" [{rows}]\n".encode()
        return self

    def ints(self, numbers):
        numbers = np.asarray(numbers, "<i4")
        if self.binary:
            self.content += struct.pack("<bi", 4, len(numbers)) + numbers.tobytes()
        else:
            self.content += ("[ " + "".join(f"{x} " for x in numbers) + "]\n").encode()
        return self

    def pairs(self, numbers):
        numbers = np.asarray(numbers, "<i4").reshape(-1, 2)
        if self.binary:
            self.content += struct.pack("<bi", 4, len(numbers)) + numbers.tobytes()
        else:
            self.content += ("[ " + "".join(f"{a},{b} " for a, b in numbers) + "]\n").encode()
        return self

    def save(self, path):
        path.write_bytes(self.content)
        return path
