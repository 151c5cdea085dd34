"""The components of the page Datasets."""
