"""What makes the calls of a flow: sessions, milestone calls, and their results."""
