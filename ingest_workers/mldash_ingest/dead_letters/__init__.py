"""Records that can't be stored for a fault of their own, set aside with their origin and the reason.

Their format is mldash.events.letter.

send.py     acknowledged before the offset is committed
browse.py   list, show
replay.py   back to where it came from, byte for byte
"""
