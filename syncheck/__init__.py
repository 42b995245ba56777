"""Static race checker for the synchronisation inside Ascend AI-core kernels."""

__version__ = "0.1.0"
