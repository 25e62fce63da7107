"""`bldst cache`: the pulled artifacts on this machine."""
