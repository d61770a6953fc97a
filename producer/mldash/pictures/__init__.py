"""Runs and charts as pictures, in a terminal and in a notebook, without a server. In reading order:

shown.py         what is shown of a run, wherever it is shown
sparklines.py    a curve in one line of text
lines.py         the lines that a view's points make, with gaps where there are no numbers
svg.py           text, colours and boxes of SVG
cards.py         charts: a card a field
run_picture.py   a run as SVG
drawn_view.py    a view that draws itself
notebook.py      what a notebook is given: within seconds, and never an error
"""
