"""Attempts at milestones: how they begin, are reported on, and end; and what a build is then."""
