"""The latent space z: the timbre of a recording as a model with ddsp's MFCC encoder hears it.

`points`       the z of a voice's training windows, as points on a map, and the latent space that they make
`sound`        the built-in phrase sung with any z
`instruments`  an instrument that listens to timbre, and the dataset that tells where its voice's timbre lies
"""
