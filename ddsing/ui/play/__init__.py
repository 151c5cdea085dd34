"""The page Play: an instrument under the fingers, in the browser."""
