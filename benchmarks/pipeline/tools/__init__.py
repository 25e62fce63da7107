"""Tools of the pipeline."""
