"""Resources as pages for people: pure functions, one module for each kind of resource."""
