"""The components of the page Training."""
