"""Checkpoints: written whole, found again, averaged."""
