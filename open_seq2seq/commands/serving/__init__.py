"""What `open-seq2seq serve` and `demo` are made of: models of a command line, logs, the start."""
