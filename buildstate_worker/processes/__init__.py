"""Processes that run for an attempt: who they are, and how they are ended together."""
