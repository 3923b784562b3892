"""Encoders of language models: causal, over tokens."""
