"""What can't be stored for its own fault, set aside with where it came from and why.

letter.py   its record and topic
send.py     acknowledged before the offset is committed
"""
