"""Routes about what wrote an experiment, and whether all of it is there."""
