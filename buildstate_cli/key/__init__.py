"""`bldst key`: the keys of the service."""
