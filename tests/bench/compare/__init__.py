"""Measure the site beside the Flask blog that does the same: `python -m tests.bench.compare`."""
