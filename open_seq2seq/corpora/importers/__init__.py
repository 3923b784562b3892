"""Importing corpora: folders as they are published -> the manifests that training reads.

A module per layout finds the utterances of a corpus (`Split`s of `Entry`s); `manifests` reads
the headers of their recordings and writes the CSVs; `command` is what the scripts
`scripts/import_*.py` share.
"""
