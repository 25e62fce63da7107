"""The outbox of changes."""
