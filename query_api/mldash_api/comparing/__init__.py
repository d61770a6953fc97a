"""Runs beside one another: where two of them parted, and what many of them differ in."""
