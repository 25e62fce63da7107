"""Artifacts on Google Cloud Storage."""
