"""`bldst artifact`: list, move, verify and remove artifacts."""
