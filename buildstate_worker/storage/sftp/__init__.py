"""Artifacts on SFTP servers."""
