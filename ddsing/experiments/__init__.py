"""What the page Experiments studies: takes compared, sweeps of parameters, and training curves."""
