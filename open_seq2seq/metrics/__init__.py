"""Word and character error rates, and reports on an evaluation."""
