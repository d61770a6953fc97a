"""`client.live(…)`: what is new in runs, as typed events, once and in order. In reading order:

asked.py        what is listened to: checked names, as a query and as a document
events.py       the events that a user gets
wire.py         events → what the API sends of them; the reverse of events.py's events_of
event_text.py   bytes of server-sent events → events; no I/O
resuming.py     where a listener stands, and what it does when its stream breaks; no I/O
listener.py     what a user holds: an iterator of events
over_api.py     events of an API, over cuts and restarts
folder_rows.py  rows of one local experiment that are new
over_folder.py  events of local folders
"""
