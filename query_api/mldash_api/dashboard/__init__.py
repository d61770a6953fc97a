"""The page that people see: its files, the libraries that it stands on, and how they are served (docs/dashboard.md).

npm.py        packages of the npm registry by exact version and hash, through npm
libraries.py  the table of what the page stands on; `python -m mldash_api.dashboard.libraries` fetches it
files.py      all files of the page in memory: their address, their types, the page that names them

main.js       the entry; views/ a file each, widgets/ a file each, pure/ what touches neither page nor network
"""
