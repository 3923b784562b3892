"""Corpora: importing them, looking at them, making speech."""
