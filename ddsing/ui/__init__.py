"""The dashboard: shell, players, and one folder of components for each page."""
