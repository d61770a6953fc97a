"""The shapes of answers, written once: local mode and the API give the same."""
