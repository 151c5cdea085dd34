"""The DDSP model: decoding controls, synthesis, and everything that touches TensorFlow and ddsp.

Rendering (`decoder`, `encoder`, `synthesis`, `render`) is numpy and starts at once; `runtime`, `model` and `training`
load TensorFlow.
"""
