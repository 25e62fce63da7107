"""What a workspace remembers of the machine that steps have changed."""
