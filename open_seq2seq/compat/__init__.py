"""Other engines' Python interfaces over a `Recognizer`."""
