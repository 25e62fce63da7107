"""What prints: pages of text for people, messages, progress."""
