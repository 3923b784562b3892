"""Splitting a manifest into training, development and test data without leaks.

`sizes` reads how large the parts shall be, `groups` joins what must not be separated, `choose`
draws the parts, `command` is what `open-seq2seq data split` does.
"""
