"""What sings: from pitch and loudness to sound, in NumPy, at once; `ddsing.engine.tf` is what learns."""
