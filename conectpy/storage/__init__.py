"""The event database as the single writer holds it: its file, its lock, its rows, its past. store.py is the way in."""
