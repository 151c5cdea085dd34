"""Bytes in, Python out: file formats that know neither a model nor TensorFlow."""
