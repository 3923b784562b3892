"""The parts of `open-seq2seq score`."""
