"""`AsyncClient`: the Client for asyncio. In reading order:

  client.py     what a user holds
  found.py      the runs that pass
  open_run.py   one run, for reading
  live.py       what is new
  threads.py    calls in a thread, with their signatures

There is one way in which requests are made and answers are read, that of the Client; here it runs in threads of the
event loop's executor, so that certificates, proxies, kept connections and local files are the same. A live stream has a
thread of its own.
"""
