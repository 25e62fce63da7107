"""`bldst resume`: ask that a build goes on."""
