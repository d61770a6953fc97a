"""SwanLab's folders of runs, offline and online: records.py → what a record says, run_log.py → events, folders.py →
runs. The log is framed as wandb's."""
