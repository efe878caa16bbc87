"""The developer's commands behind dev.py. Standard library only: they run before anything is installed."""
