"""Pulled bytes by their digest, shared by all processes of one user on this machine."""
