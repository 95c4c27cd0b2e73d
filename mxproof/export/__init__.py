"""The files that `mxproof convert` writes beside the models: other weight formats, guide, proof,
log."""
