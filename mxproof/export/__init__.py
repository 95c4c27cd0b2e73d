"""What `mxproof convert` writes beside the converted models: weights in other forms, a guide to
the files, the proof, a log."""
