"""People whom an OpenID provider signs in (OpenID Connect Core 1.0: the authorization code flow, with PKCE).

errors.py     what can go wrong at the provider
fetching.py   what is asked of the provider: bounded in time and bytes, never across a redirect
provider.py   what the provider says of itself, and its keys
id_token.py   whether an ID token is for us, now, and for this sign-in
flow.py       the two steps: off to the provider, and back
"""
