"""Comparisons with the peer, both in one run: `make bench`."""
