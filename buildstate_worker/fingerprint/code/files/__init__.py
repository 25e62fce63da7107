"""The source files of the user's project: which they are, and what is in them."""
