"""What `open-seq2seq listen` is made of: sources of samples, what is shown, latency figures."""
