"""The sub-commands of `open-seq2seq`, a module each (see `registry`), and what they share."""
