"""What learns: the only importer of TensorFlow and ddsp, each inside functions.

One training step (`step`) and its parts, ddsp's own model (`autoencoder`), ddsp's configuration of a run
(`gin_config`), and what is written for the notebooks (`export`).
"""
