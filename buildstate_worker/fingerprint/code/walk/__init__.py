"""The walk over loaded objects that finds what a function reaches."""
