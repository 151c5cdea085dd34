"""Timbre transfer: settings → conditioning of the recording's features → rendering with an instrument → a take."""
