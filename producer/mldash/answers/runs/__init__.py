"""What is said of whole runs: whose context counts, and in what several differ."""
