"""What a piece of Python says, read from its syntax tree alone."""
