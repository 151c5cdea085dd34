"""The components of the page Instruments."""
