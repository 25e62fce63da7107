"""`bldst watch`: a build, live."""
