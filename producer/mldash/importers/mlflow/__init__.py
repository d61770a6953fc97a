"""mlflow's two stores: database.py and files.py → facts and points of runs; runs.py → events. mlflow is not imported:
to open its own database it migrates the tables, and its file store it refuses since 3.13."""
