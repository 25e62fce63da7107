"""Artifacts: where they are, and whether they may be used."""
