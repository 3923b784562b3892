"""Checkpoints: written whole, found again, averaged.

Training takes a snapshot (`variables`) and goes on, while a thread (`background`) writes it to disk
(`storage`); `best` keeps those of the lowest error rate, `logdir` knows where they lie.
"""
