"""What an instrument is made of, as numbers: its configuration, its weights, its statistics and its latent space."""
