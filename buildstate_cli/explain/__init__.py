"""`bldst explain`: why one state of a build would run again, or be skipped."""
