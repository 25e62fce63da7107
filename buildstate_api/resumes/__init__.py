"""Requests to a build's orchestrator to go on."""
