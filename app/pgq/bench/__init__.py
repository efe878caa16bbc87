"""Measurements: ratios within one run, medians of several, on a server of their own with fsync on."""
