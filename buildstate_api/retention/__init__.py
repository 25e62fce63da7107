"""For how long artifacts are kept: what needs them, and what a project's policy says."""
