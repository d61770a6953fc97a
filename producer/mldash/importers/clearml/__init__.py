"""ClearML's offline sessions: sessions.py → runs, reports.py → the events of one."""
