"""`bldst plan`: what a rerun of a build would do."""
