"""Runtimes as functions of named tensors, whatever a model's inputs and outputs are."""
