"""TensorBoard's event files: frames.py → records, summaries.py → values, event_file.py → events, folders.py → runs."""
