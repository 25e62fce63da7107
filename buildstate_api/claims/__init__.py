"""Claims, and the attempts that they make."""
