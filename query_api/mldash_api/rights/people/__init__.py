"""How people come in with a browser, and what links open to whoever has them.

signing_keys.py  what we sign and later believe
cookies.py       the cookie: its name, its attributes
sign_ins.py      browsers that have signed in, as they are stored
links.py         links that open one thing, as they are stored
browsers.py      signing in and out, and who a cookie stands for
sharing.py       what admins do with links; each change leaves a line
"""
