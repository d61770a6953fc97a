"""Who asks, and what they may do. Knows nothing of the data.

caller.py      Right, Grant, Caller, and `allows`: the one decision, without I/O
opened.py      what a link opens, and whether a request asks for no more
token_text.py  the text of a token: how it is made, checked, hashed
tokens.py      the tokens that are stored: made, looked up, listed, revoked
arrival.py     how a request came: from where, over what, through whom
door.py        whether it may come in at all: Host, Origin, proxies, TLS
proxy_user.py  people whom a trusted proxy has signed in
refusals.py    errors of people's ways in
rates.py       how many requests a token may make
private_token.py  the token in a file of an API that is one user's
administering.py  what admins do with tokens; each change leaves a line
direct.py      the same by MongoDB's own credentials
people/        browsers that sign in, and links
needed.py      what a route needs, as it states it
admission.py   the guard in front of every route: who calls, and whether the route is theirs
"""
