"""What goes into a milestone, measured part by part."""
