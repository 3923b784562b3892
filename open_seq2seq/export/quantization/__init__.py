"""Quantised models: how each kind is written in each format, and what is left in float32."""
