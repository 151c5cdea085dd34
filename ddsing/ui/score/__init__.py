"""A score in the place of a recording, on the page Timbre transfer."""
