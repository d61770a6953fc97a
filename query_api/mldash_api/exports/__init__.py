"""Answers as files of any length: writing.py how one is sent · points.py of metrics · entries.py of tracks · formats.py
which one a request asks for."""
