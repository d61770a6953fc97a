"""wandb's own logs of runs, offline and online: frames.py → records, records.py → what they say, run_log.py → events,
folders.py → runs."""
