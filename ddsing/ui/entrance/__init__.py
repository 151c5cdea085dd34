"""The entrance of a hosted dashboard: signing in, being refused, waiting as a guest; and what the server adds."""
