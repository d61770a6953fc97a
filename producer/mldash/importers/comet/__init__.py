"""Comet's offline archives: archives.py → runs, messages.py → the events of one."""
