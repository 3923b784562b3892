"""What the command lines do: the modes of `run.py`, and neon's `train.py` and `evaluate.py`."""
