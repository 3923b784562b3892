"""Networks that take streams piece by piece, as graphs with their state as inputs and outputs."""
