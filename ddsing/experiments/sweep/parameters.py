"""What a sweep can go over, by the names of a recipe."""

PARAMETERS = {  # of a recipe: how they stand in a cell's name, and what they are called
    "n_harmonics": ("h", "harmonics"),
    "n_noise_bands": ("n", "noise bands"),
    "learning_rate": ("lr", "learning rate"),
    "batch_size": ("b", "batch size"),
    "seed": ("s", "seed"),
}
ORIGINAL = {"n_harmonics": (20, 60, 100), "n_noise_bands": (10, 35, 65)}  # the study of the 2021 notebooks
