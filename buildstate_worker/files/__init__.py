"""Files on this machine: copies, holes, names of unfinished files, and what shows a change."""
