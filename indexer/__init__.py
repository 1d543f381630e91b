"""政策库: policy entries in Markdown, checked, indexed, published and searched."""

__version__ = "0.1.0"
