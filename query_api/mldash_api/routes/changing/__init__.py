"""What people change of experiments: tags, notes, the archive flag; and which are deleted."""
