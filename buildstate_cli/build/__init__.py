"""`bldst build`: builds, their history, and reports of what happened in them."""
