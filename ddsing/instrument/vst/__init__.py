"""ddsp-vst's file, the instrument of a plug-in for DAWs: read as data, written, and held to what the plug-in asks for.

One TensorFlow Lite model (`ddsing.formats.tflite`) with a zip behind it that holds ``metadata.json``. The model is one
step of a decoder of `POWER`, 50 of which make a second: pitch, power and state in, controls and state out.

Reference: magenta/ddsp 3.7 (VSTStatelessPredictControls, ddsp_export), magenta/ddsp-vst 1.1 (ModelLibrary).
"""
