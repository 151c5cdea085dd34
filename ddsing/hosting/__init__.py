"""Hosting: one server for many people. Who may come in, where their workspaces are, what happened."""
