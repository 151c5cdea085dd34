"""The players: JavaScript components that play several sounds in step, and what serves them."""
