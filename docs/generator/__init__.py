"""Writes the reference, `make reference`, from what the code says of itself."""
