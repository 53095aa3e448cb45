"""Foundry projects: what was decided here, to be built and tested again by anybody, with nothing but forge."""
