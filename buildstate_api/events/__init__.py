"""What happened to a build, as the outbox has it."""
