"""Parts of files that are written while their rows come."""
