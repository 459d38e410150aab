"""The version of the library, for the package's metadata and for saved files."""

__version__ = "0.2.0"
