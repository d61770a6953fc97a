"""What can't be stored for its own fault, set aside with where it came from and why.

letter.py   its record and topic, and the mark of one that was replayed
send.py     acknowledged before the offset is committed
browse.py   list, show
replay.py   back to where it came from, byte for byte
"""
