"""The latent space z: the timbre of a recording as a model with ddsp's MFCC encoder hears it.

`space`    where a voice's z lies: mean, spread, principal directions; kept in the instrument
`source`   the z of a transfer: of the recording, of another one, the voice's mean, moved along the directions
`dataset`  the z of a voice's training windows
`explore`  those as points on a map, and the built-in phrase sung with any z
"""
