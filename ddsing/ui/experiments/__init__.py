"""The views of the page Experiments and their components."""
