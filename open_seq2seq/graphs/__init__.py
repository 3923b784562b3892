"""Graphs that are written once and built for any runtime: see `builder`."""
