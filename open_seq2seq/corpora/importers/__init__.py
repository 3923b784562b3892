"""Importing corpora: folders as they are published -> the manifests that training reads.

A module per layout finds the utterances of a corpus (`Split`s of `Entry`s); `manifests` reads
the headers of their recordings and writes the CSVs. `open-seq2seq import` and `scripts/import_*.py`
are their command lines.
"""
