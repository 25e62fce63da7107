"""The vocabulary, rules and machinery that every part of BuildState shares."""

__version__ = "0.1.0"
