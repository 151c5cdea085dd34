"""The dashboard's own code: session state, caches, and the components that the pages are made of."""
