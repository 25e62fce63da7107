"""Artifacts on Azure Blob Storage."""
