"""The models: restricted and deep Boltzmann machines, and belief networks."""
