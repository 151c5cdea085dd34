"""What programs can do over HTTP, with a token: the REST interface."""
