"""The flow that `bldst demo` runs."""
