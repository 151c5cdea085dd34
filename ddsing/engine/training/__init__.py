"""Training a DDSP model: one step (`step`) and its parts, and ddsp's configuration of a run (`config`)."""
