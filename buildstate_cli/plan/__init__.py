"""`bldst plan` and `bldst explain`: what a rerun would do, and why."""
