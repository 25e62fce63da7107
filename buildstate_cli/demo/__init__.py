"""`bldst demo`: a build is killed half-way and resumed by another worker."""
