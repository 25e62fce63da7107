"""Folders as deterministic tar archives, and back; and their compression."""
