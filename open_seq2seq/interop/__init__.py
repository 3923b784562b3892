"""Models of other frameworks and of older versions."""
