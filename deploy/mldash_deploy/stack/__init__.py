"""`mldash up`: real servers and our components on one machine, without Docker, system Java or root.

In reading order:

  stack.py        up and down, in order
  kafka.py  mongo.py  s3.py    each server: its files, its command, how one sees that it is ready
  components.py   our own: workers, compactors, the API
  supervise.py    one process kept alive: restarts with growing delays
  security.py  certificates.py   what a secured stack adds to each of them
  data_folder.py  ports, keys, logs, the state that `mldash status` shows; one supervisor at a time
  ports.py  chosen once · probe.py  does it answer · die_with_parent.py · jars.py  fetched and verified ·
  lock_jars.py  for maintainers · local_servers.py  for tests and scripts · settings.py · errors.py
"""
