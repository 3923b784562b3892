"""Splitting a manifest into training, development and test data without leaks.

`sizes` reads how large the splits shall be, `groups` joins what must not be separated, `choose`
draws the splits, `command` is what `open-seq2seq data split` does.
"""
