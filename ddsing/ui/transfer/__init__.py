"""The components of the page Timbre transfer."""
