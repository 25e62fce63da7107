"""`bldst server`: start, stop and look at the service."""
