"""Builds, their history, reports and plans."""
