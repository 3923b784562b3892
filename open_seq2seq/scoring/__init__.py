"""Scores of acoustic models on stored features, and how far they are from others.

The successor of OpenVINO's speech sample: Kaldi's models and archives, models of other runtimes,
the integer arithmetic of GNA. docs/kaldi.md.
"""
