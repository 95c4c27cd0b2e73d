"""Every model of GluonCV that can be built, proven layer by layer."""
