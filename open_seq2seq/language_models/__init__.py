"""Around the decoder's language models: building n-gram models, and rescoring n-best lists."""
