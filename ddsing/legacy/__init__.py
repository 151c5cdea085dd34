"""Instruments of the 2021 notebooks, read without running or believing anything in them.

Such a zip holds a pickle, a gin file and a TensorFlow checkpoint; each has its own inert reader here. `convert`
puts them together, and `child` runs that in a limited process of its own.
"""
