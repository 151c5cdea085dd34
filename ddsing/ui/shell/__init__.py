"""What all pages stand in: router, sidebar, session state, caches, links, background work, and shared pickers."""
