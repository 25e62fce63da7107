"""All that prints: results on stdout, messages and progress on stderr."""
