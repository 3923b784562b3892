"""Decoding of stored logits: what scripts/decode.py and the scripts for word times are made of.

Nothing in this room imports Keras or TensorFlow.
"""
