"""The last steps."""

SALT = ("a", 1)


def seal(checks):
    """Return the seal."""
    return [mark(number) for number in range(checks)]


def mark(number):
    """Return one mark of it."""
    return f"{SALT[0]}{number + SALT[1]:02d}"
