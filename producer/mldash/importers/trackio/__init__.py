"""trackio's files: fragments.py and database.py → what a project has of its runs, folders.py → runs, runs.py → events.
trackio is not imported: to open its own database it migrates the tables, and takes in the fragments."""
