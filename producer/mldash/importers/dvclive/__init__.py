"""DVCLive's folders: series.py → the points of a metric, folders.py → runs and what else their files say."""
