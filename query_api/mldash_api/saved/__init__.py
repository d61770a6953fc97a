"""What people save of a page, for themselves and for others. In reading order:

errors.py       another was first; there is no room for more
cards.py        a view as named cards, each with its version; a change of some of them, and what undoes one. Pure
views.py        the collection `views`, with each view's history
addresses.py    the collection `short_urls`: long addresses under short ids
"""
